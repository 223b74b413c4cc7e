{# The files of a stream as a relation of `record` (JSON, a record each) and `file` (its name, by
   which files sort in time). A stream that has no file yet is an empty relation. #}
{% macro lake(stream) %}{{ return(adapter.dispatch('lake')(stream)) }}{% endmacro %}

{% macro duckdb__lake(stream) %}
  {%- set files = env_var('INTERCOM_LAKE') ~ '/' ~ stream ~ '/**/*.json*' -%}
  {%- set exists = true -%}
  {%- if execute -%}
    {%- set found = run_query("select count(*) from glob('" ~ files ~ "')") -%}
    {%- set exists = found.columns[0].values()[0] > 0 -%}
  {%- endif -%}
  {%- if exists -%}
    (
      select json as record, filename as file
      from read_json_objects(
        '{{ files }}', format = 'newline_delimited', filename = true,
        maximum_object_size = 67108864
      )
    )
  {%- else -%}
    (select cast(null as json) as record, cast(null as varchar) as file where false)
  {%- endif -%}
{% endmacro %}

{# An external table of lines, made by `prepare_lake`. #}
{% macro bigquery__lake(stream) %}
  {%- set lines = adapter.get_relation(target.project, target.dataset ~ '_lake', stream) if execute -%}
  {%- if lines or not execute -%}
    (
      select safe.parse_json(line, wide_number_mode => 'round') as record, _file_name as file
      from `{{ target.project }}`.`{{ target.dataset }}_lake`.`{{ stream }}`
    )
  {%- else -%}
    (select cast(null as json) as record, cast(null as string) as file from unnest([]) as none)
  {%- endif -%}
{% endmacro %}

{# Before a run: on BigQuery, `dbt run-operation prepare_lake` once for each new stream. #}
{% macro prepare_lake(streams) %}
  {%- do run_query(
      "create schema if not exists `" ~ target.project ~ "`.`" ~ target.dataset ~ "_lake`"
  ) -%}
  {%- for stream in streams -%}
    {# A line is one field: no character of it is taken for a delimiter or a quote. #}
    {%- do run_query(
        "create or replace external table `" ~ target.project ~ "`.`" ~ target.dataset ~ "_lake`.`"
        ~ stream ~ "` (line string) options (format = 'CSV', field_delimiter = '\\u00fe', quote = '', "
        ~ "uris = ['" ~ env_var('INTERCOM_LAKE') ~ "/" ~ stream ~ "/*'])"
    ) -%}
  {%- endfor -%}
{% endmacro %}

{# Of each record the newest version: the one with the highest `version` (a property's name), and of
   equals the one in the later file. What Intercom, or a reconciliation, says was deleted is left out,
   but for what changed after it was found to be gone: it has come back. So is what belongs to a record
   of the stream `parent` that is gone, by the property `parent_key`.
   Records without a key are each what they say, and once. #}
{% macro newest(stream, key, version, parent=none, parent_key=none) %}
  select record, file
  from {{ lake(stream) }} as loaded
  where true
  {%- if key %}
  and not exists (
    select 1 from {{ ref('deleted') }} as deleted
    where deleted.stream = '{{ stream }}' and deleted.id = {{ text('record', key[-1]) }}
      {%- if version %}
      and coalesce(deleted.found_at >= {{ instant('record', version) }}, true)
      {%- endif %}
  )
  {%- endif %}
  {%- if parent %}
  and not exists (
    select 1 from (
      select deleted.id, deleted.found_at
      from {{ ref('deleted') }} as deleted
      left join {{ ref('stg_' ~ parent) }} as parents on parents.id = deleted.id
      where deleted.stream = '{{ parent }}' and parents.id is null
    ) as gone
    where gone.id = {{ text('record', parent_key) }}
      {%- if version %}
      and coalesce(gone.found_at >= {{ instant('record', version) }}, true)
      {%- endif %}
  )
  {%- endif %}
  qualify row_number() over (
    partition by {% for name in key %}{{ text('record', name) }}{{ ", " if not loop.last }}{% endfor %}
      {%- if not key %}{{ whole_text('record') }}{% endif %}
    order by
      {%- if version %} {{ instant('record', version) }} desc nulls last,{% endif %} file desc
  ) = 1
{% endmacro %}

{# All that a record says, as text. #}
{% macro whole_text(record) %}{{ return(adapter.dispatch('whole_text')(record)) }}{% endmacro %}
{% macro duckdb__whole_text(record) %}cast({{ record }} as varchar){% endmacro %}
{% macro bigquery__whole_text(record) %}to_json_string({{ record }}){% endmacro %}

{# A full table: what the newest file holds, so that what was deleted in Intercom is gone here too. #}
{% macro newest_run(stream, key) %}
  select record, file
  from {{ lake(stream) }} as loaded
  qualify file = max(file) over ()
    and row_number() over (
      partition by file{% for name in key %}, {{ text('record', name) }}{% endfor %} order by file
    ) = 1
{% endmacro %}
