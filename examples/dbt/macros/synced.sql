{# When a row came to the lake, as Fivetran's `_fivetran_synced`: the instant in its file's name. #}
{% macro synced() %}{{ return(adapter.dispatch('synced')()) }}{% endmacro %}
{% macro duckdb__synced() -%}
  try_strptime(regexp_extract(file, '_(\d{8}T\d{6})\d*Z', 1), '%Y%m%dT%H%M%S')
{%- endmacro %}
{% macro bigquery__synced() -%}
  safe.parse_timestamp('%Y%m%dT%H%M%S', regexp_extract(file, r'_(\d{8}T\d{6})\d*Z'))
{%- endmacro %}
