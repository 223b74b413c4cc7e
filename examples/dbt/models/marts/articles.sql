-- A row an article: its state and author, how often it was changed, and in how many conversations the
-- AI agent answered from it.
with versions as (
  select article_id, count(*) as versions
  from {{ ref('stg_article_versions') }}
  group by article_id
),

sources as (
  select conversations.id as conversation_id, {{ text('element', 'url') }} as url
  from {{ ref('stg_conversations') }} as conversations,
    {{ elements('conversations.record', 'ai_agent.content_sources.content_sources') }}
),

answers as (
  select url, count(distinct conversation_id) as ai_answers
  from sources
  group by url
)

select
  articles.id,
  articles.title,
  articles.state,
  articles.author_id,
  articles.created_at,
  articles.updated_at,
  coalesce(versions.versions, 0) as versions,
  coalesce(answers.ai_answers, 0) as ai_answers
from {{ ref('stg_articles') }} as articles
left join versions on versions.article_id = articles.id
left join answers on answers.url = articles.url
