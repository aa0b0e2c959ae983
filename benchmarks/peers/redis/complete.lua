-- KEYS[1]: the hash of held jobs. ARGV[1]: the job. 1, or 0 when nobody holds it.
local FULL, LOAD = 2 ^ 52, 2 ^ 40
local agent = redis.call('HGET', KEYS[1], ARGV[1])
if not agent then
    return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
local skills = redis.call('HGET', agent, 'skills')
local score = tonumber(redis.call('ZSCORE', string.match(skills, '%S+'), agent)) - LOAD
if score >= FULL then
    score = score - FULL
end
for skill in string.gmatch(skills, '%S+') do
    redis.call('ZADD', skill, score, agent)
end
return 1
