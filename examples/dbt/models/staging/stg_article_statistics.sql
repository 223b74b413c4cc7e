-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'article_statistics', key = ['article_id'], version = 'article_updated_at', is_whole = false,
  parent = 'articles', parent_key = 'article_id',
  columns = {
    'article_id': 'text',
    'article_updated_at': 'instant',
    'type': 'text',
    'views': 'number',
    'conversions': 'number',
    'reactions': 'number',
    'happy_reaction_percentage': 'number',
    'neutral_reaction_percentage': 'number',
    'sad_reaction_percentage': 'number',
    'fin_involvements': 'number',
    'fin_resolutions': 'number',
    'fin_resolution_rate': 'number',
  },
) }}
