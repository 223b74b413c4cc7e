{# A stream's records as typed columns. `version` is the property that tells a record's versions apart
   (none: the record is known by the newest file that has it); `is_whole` says that each run's file
   holds the whole list. `parent` is the stream that the records belong to, by the property `parent_key`.
   `columns` gives each property's kind: a macro of values.sql. #}
{% macro staged(stream, key, version, is_whole, columns, parent=none, parent_key=none) %}
{%- set kinds = {'text': text, 'whole': whole, 'number': number, 'flag': flag, 'instant': instant, 'part': part} -%}
select
  {% for name, kind in columns.items() -%}
  {{ kinds[kind]('record', name) }} as {{ adapter.quote(name) }},
  {% endfor -%}
  record,
  file
from (
  {%- if is_whole %}{{ newest_run(stream, key) }}{% else %}{{ newest(stream, key, version, parent, parent_key) }}{% endif -%}
) as found
{% endmacro %}
