{# No two rows share the values of all these columns. #}
{% test unique_together(model, columns) %}
select {% for name in columns %}{{ adapter.quote(name) }}, {% endfor %}count(*) as rows_found
from {{ model }}
group by {% for name in columns %}{{ loop.index }}{{ ", " if not loop.last }}{% endfor %}
having count(*) > 1
{% endtest %}
