select tower, sum(strokes) as strokes from {{ ref('stg_rings') }} group by tower order by 2 desc
