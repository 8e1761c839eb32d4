{% macro strokes_due(moment) -%}
    case when extract(hour from {{ moment }}) % 12 = 0 then 12 else extract(hour from {{ moment }}) % 12 end
{%- endmacro %}
