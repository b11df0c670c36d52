-- The decision in Redis: a card's limit and what is held, an id is decided once, and what it said is said again.
-- KEYS: the authorization, the card. ARGV: the amount.
local told = redis.call('GET', KEYS[1])
if told then return told end
local held = tonumber(redis.call('HGET', KEYS[2], 'held') or '0')
local limit = tonumber(redis.call('HGET', KEYS[2], 'limit') or '1000000000')
local approved = held + tonumber(ARGV[1]) <= limit and '1' or '0'
if approved == '1' then redis.call('HINCRBY', KEYS[2], 'held', ARGV[1]) end
redis.call('SET', KEYS[1], approved)
return approved
