{# Values of a record's properties, whatever form they came in: Intercom writes numbers as text, and
   instants as epoch seconds, milliseconds, numeric text or ISO 8601, depending on version and endpoint.
   `path` names a property, or one inside another: 'statistics.count_reopens'. #}

{% macro json_path(path) -%}
  ${% for name in path.split('.') %}."{{ name }}"{% endfor %}
{%- endmacro %}

{% macro text(record, path) %}{{ return(adapter.dispatch('text')(record, path)) }}{% endmacro %}
{% macro duckdb__text(record, path) -%}
  ({{ record }} ->> '{{ json_path(path) }}')
{%- endmacro %}
{% macro bigquery__text(record, path) -%}
  (lax_string({{ record }}{% for name in path.split('.') %}['{{ name }}']{% endfor %}))
{%- endmacro %}

{% macro number(record, path) %}{{ return(adapter.dispatch('number')(record, path)) }}{% endmacro %}
{% macro duckdb__number(record, path) -%}
  try_cast({{ text(record, path) }} as double)
{%- endmacro %}
{% macro bigquery__number(record, path) -%}
  safe_cast({{ text(record, path) }} as float64)
{%- endmacro %}

{% macro whole(record, path) %}{{ return(adapter.dispatch('whole')(record, path)) }}{% endmacro %}
{% macro duckdb__whole(record, path) -%}
  try_cast({{ number(record, path) }} as bigint)
{%- endmacro %}
{% macro bigquery__whole(record, path) -%}
  safe_cast({{ number(record, path) }} as int64)
{%- endmacro %}

{% macro flag(record, path) %}{{ return(adapter.dispatch('flag')(record, path)) }}{% endmacro %}
{% macro duckdb__flag(record, path) -%}
  try_cast({{ text(record, path) }} as boolean)
{%- endmacro %}
{% macro bigquery__flag(record, path) -%}
  safe_cast({{ text(record, path) }} as bool)
{%- endmacro %}

{% macro part(record, path) %}{{ return(adapter.dispatch('part')(record, path)) }}{% endmacro %}
{% macro duckdb__part(record, path) -%}
  ({{ record }} -> '{{ json_path(path) }}')
{%- endmacro %}
{% macro bigquery__part(record, path) -%}
  ({{ record }}{% for name in path.split('.') %}['{{ name }}']{% endfor %})
{%- endmacro %}

{# The year 5138 in seconds is 1973 in milliseconds: no instant of Intercom's is near either. #}
{% macro instant(record, path) %}{{ return(adapter.dispatch('instant')(record, path)) }}{% endmacro %}
{% macro duckdb__instant(record, path) -%}
  coalesce(
    to_timestamp(case
      when abs({{ number(record, path) }}) >= 1e11 then {{ number(record, path) }} / 1000
      else {{ number(record, path) }}
    end),
    try_cast({{ text(record, path) }} as timestamptz)
  )
{%- endmacro %}
{% macro bigquery__instant(record, path) -%}
  coalesce(
    timestamp_micros(safe_cast(1e6 * case
      when abs({{ number(record, path) }}) >= 1e11 then {{ number(record, path) }} / 1000
      else {{ number(record, path) }}
    end as int64)),
    safe_cast({{ text(record, path) }} as timestamp)
  )
{%- endmacro %}

{# The elements of an array in a record, to follow `from`: rows with a column `element`. #}
{% macro elements(record, path) %}{{ return(adapter.dispatch('elements')(record, path)) }}{% endmacro %}
{% macro duckdb__elements(record, path) -%}
  unnest(cast({{ part(record, path) }} as json[])) as elements (element)
{%- endmacro %}
{% macro bigquery__elements(record, path) -%}
  unnest(json_query_array({{ part(record, path) }})) as element
{%- endmacro %}

{% macro seconds_between(earlier, later) %}{{ return(adapter.dispatch('seconds_between')(earlier, later)) }}{% endmacro %}
{% macro duckdb__seconds_between(earlier, later) -%}
  date_diff('second', {{ earlier }}, {{ later }})
{%- endmacro %}
{% macro bigquery__seconds_between(earlier, later) -%}
  timestamp_diff({{ later }}, {{ earlier }}, second)
{%- endmacro %}

{# An element that is a plain value, as text. #}
{% macro element_text() %}{{ return(adapter.dispatch('element_text')()) }}{% endmacro %}
{% macro duckdb__element_text() -%}
  (element ->> '$')
{%- endmacro %}
{% macro bigquery__element_text() -%}
  lax_string(element)
{%- endmacro %}
