{{ config(tags=['quarrel']) }}
select * from {{ ref('miscounts') }}
