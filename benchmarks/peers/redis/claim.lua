-- KEYS[1]: the sorted set of a skill. ARGV[1]: the job. The agent's id, or nil when nobody has room.
-- A score is (full, load, when last served) in 1 + 12 + 40 bits, exact in a double: the first member is who gets the job.
local FULL, LOAD = 2 ^ 52, 2 ^ 40
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local agent, score = first[1], tonumber(first[2])
if not agent or score >= FULL then
    return false
end
if redis.call('HSETNX', 'jobs', ARGV[1], agent) == 0 then
    return redis.error_reply('DUPLICATE the job is held already')
end
local known = redis.call('HMGET', agent, 'capacity', 'skills')
local load = math.floor(score / LOAD) + 1
score = load * LOAD + redis.call('INCR', 'served')
if load >= tonumber(known[1]) then
    score = score + FULL
end
for skill in string.gmatch(known[2], '%S+') do
    redis.call('ZADD', skill, score, agent)
end
return agent
