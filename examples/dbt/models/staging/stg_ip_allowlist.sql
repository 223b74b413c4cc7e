-- Written by `UPDATE_GENERATED=1 cargo test --test generated_files`.
{{ staged(
  stream = 'ip_allowlist', key = ['type'], version = none, is_whole = true,
  columns = {
    'type': 'text',
    'enabled': 'flag',
    'ip_allowlist': 'part',
  },
) }}
