"""The steps of the queue that must be atomic, as Lua for Valkey or Redis.

What is kept, each name behind the prefix of the queue

- ``ready:{job}``: a stream of the runs that may begin, read by the consumer group `annex`
- ``run:{id}``: a hash, everything about one run
- ``later``: runs by the moment at which they may begin (milliseconds of the server's clock)
- ``workers``: workers by the moment at which their lease ends; `held:{worker}` is what each works on
- ``held``: runs queued in a transaction that has not ended, by that moment
- ``steps:{id}``: a hash of what the finished steps of a run gave, and when its sleeps end
- ``dead``: runs that failed for good, by that moment; ``ended``: the last thousand that ended in any way
- ``key:{…}``: the run that was queued under a key; ``slot:{…}``: the last slot of a schedule that fired
- ``bell``: a stream of one entry that wakes idle workers

A run is delivered and put under its worker's lease in one step, so that none is ever pending without an
owner. A try is named by worker and number: that is the fencing token with which its end is written.
"""

_PREFIX = "@prefix@"
_COMMON = """
local P = '@prefix@'
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function ready(job) return P .. 'ready:' .. job end
local function run(id) return P .. 'run:' .. id end
local function steps(id) return P .. 'steps:' .. id end
local function queue(id, job)
  local entry = redis.call('XADD', ready(job), '*', 'run', id)
  redis.call('HSET', run(id), 'entry', entry, 'state', 'queued')
  redis.call('SADD', P .. 'jobs', job)
  redis.call('XADD', P .. 'bell', 'MAXLEN', '1', '*', 'r', '1')
end
local function drop(job, entry)
  redis.call('XACK', ready(job), 'annex', entry)
  redis.call('XDEL', ready(job), entry)
end
local function leave(id)
  local had = redis.call('HMGET', run(id), 'job', 'entry', 'worker')
  if had[2] then drop(had[1], had[2]) end
  if had[3] then redis.call('SREM', P .. 'held:' .. had[3], id) end
  redis.call('ZREM', P .. 'later', id)
  redis.call('ZREM', P .. 'held', id)
  redis.call('HDEL', run(id), 'entry', 'worker', 'cancel')
end
local function finish(id, state)
  leave(id)
  local now = clock()
  redis.call('HSET', run(id), 'state', state, 'finished', now)
  local had = redis.call('HMGET', run(id), 'kept', 'key')
  redis.call('EXPIRE', run(id), had[1])
  redis.call('EXPIRE', steps(id), had[1])
  redis.call('ZADD', P .. 'ended', now, id)
  redis.call('ZREMRANGEBYRANK', P .. 'ended', 0, -1001)
  if had[2] then redis.call('EXPIRE', P .. 'key:' .. had[2], had[1]) end
  if state == 'failed' then
    redis.call('ZADD', P .. 'dead', now, id)
    redis.call('ZREMRANGEBYSCORE', P .. 'dead', '-inf', now - had[1] * 1000)
  end
end
local function again(id, delay)
  leave(id)
  if delay > 0 then
    redis.call('HSET', run(id), 'state', 'queued')
    redis.call('ZADD', P .. 'later', clock() + delay, id)
  else
    queue(id, redis.call('HGET', run(id), 'job'))
  end
end
local function start(id, delay)
  redis.call('HSET', run(id), 'state', 'queued', 'queued', clock())
  if delay > 0 then
    redis.call('ZADD', P .. 'later', clock() + delay, id)
    redis.call('SADD', P .. 'jobs', redis.call('HGET', run(id), 'job'))
  else
    queue(id, redis.call('HGET', run(id), 'job'))
  end
end
local function begin(id, fields, delay)
  redis.call('HSET', run(id), 'tries', 0, unpack(fields))
  start(id, delay)
end
local function owns(worker, id, try)
  local had = redis.call('HMGET', run(id), 'worker', 'tries')
  return had[1] == worker and had[2] == try
end
local function lose(worker, counts)
  redis.call('SET', P .. 'lost:' .. worker, '1', 'EX', 86400)
  for _, id in ipairs(redis.call('SMEMBERS', P .. 'held:' .. worker)) do
    local had = redis.call('HMGET', run(id), 'tries', 'retries', 'cancel')
    if not had[1] then
      redis.call('SREM', P .. 'held:' .. worker, id)
    elseif had[3] then
      finish(id, 'cancelled')
    elseif not counts then
      redis.call('HINCRBY', run(id), 'tries', -1)
      again(id, 0)
    elseif tonumber(had[1]) > tonumber(had[2]) then
      redis.call('HSET', run(id), 'error', '{"code":"worker_lost","detail":"The worker ended in the middle of the job."}')
      finish(id, 'failed')
    else
      again(id, 0)
    end
  end
  for _, job in ipairs(redis.call('SMEMBERS', P .. 'jobs')) do
    redis.pcall('XGROUP', 'DELCONSUMER', ready(job), 'annex', worker)
  end
  redis.call('DEL', P .. 'held:' .. worker)
  redis.call('ZREM', P .. 'workers', worker)
end
"""  # noqa: E501  # a JSON text in one piece

# ARGV: run, key or '', delay in milliseconds, transaction or '', then field, value, ...
# Gives the run that stands for it: another one where the key was used before, and '' where the key belongs to
# a transaction that has not ended.
ENQUEUE = (
    _COMMON
    + """
local id, key, delay, transaction = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
if redis.call('EXISTS', run(id)) == 1 then return id end
if key ~= '' then
  local had = redis.call('GET', P .. 'key:' .. key)
  if had and redis.call('EXISTS', run(had)) == 1 then
    local by = redis.call('HGET', run(had), 'transaction')
    return (not by or by == transaction) and had or ''
  end
  redis.call('SET', P .. 'key:' .. key, id)
end
if transaction == '' then
  begin(id, {unpack(ARGV, 5)}, delay)
else
  redis.call('HSET', run(id), 'tries', 0, unpack(ARGV, 5))
  redis.call('HSET', run(id), 'state', 'held', 'queued', clock(), 'transaction', transaction, 'delay', delay)
  redis.call('ZADD', P .. 'held', clock(), id)
end
return id
"""
)

# ARGV: run, 1 where its transaction was committed. Gives 0 where it is not held any more.
RELEASE = (
    _COMMON
    + """
local id = ARGV[1]
redis.call('ZREM', P .. 'held', id)
if redis.call('HGET', run(id), 'state') ~= 'held' then return 0 end
local had = redis.call('HMGET', run(id), 'delay', 'key')
redis.call('HDEL', run(id), 'transaction', 'delay')
if ARGV[2] == '1' then
  start(id, tonumber(had[1]))
else
  redis.call('DEL', run(id))
  local key = had[2] and P .. 'key:' .. had[2]
  if key and redis.call('GET', key) == id then redis.call('DEL', key) end
end
return 1
"""
)

# ARGV: milliseconds. Gives each run that has been held for longer, its transaction, and for how long.
HELD = (
    _COMMON
    + """
local now, found = clock(), {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'held', '-inf', now - ARGV[1], 'LIMIT', 0, 100)) do
  local had = redis.call('HMGET', run(id), 'transaction', 'queued')
  if had[1] then
    table.insert(found, {id, had[1], now - tonumber(had[2])})
  else
    redis.call('ZREM', P .. 'held', id)
  end
end
return found
"""
)

# ARGV: worker, then job, room, ...
# Gives whether the worker's lease holds, the bell's last entry, and each run with its fields.
TAKE = (
    _COMMON
    + """
local worker, now = ARGV[1], clock()
local lease = redis.call('ZSCORE', P .. 'workers', worker)
if not lease or tonumber(lease) <= now then return {0, '', {}} end
local taken = {}
for place = 2, #ARGV, 2 do
  local job = ARGV[place]
  local function read()
    local count = ARGV[place + 1]
    return redis.pcall('XREADGROUP', 'GROUP', 'annex', worker, 'COUNT', count, 'STREAMS', ready(job), '>')
  end
  local got = read()
  if got and got.err then
    redis.call('XGROUP', 'CREATE', ready(job), 'annex', '0', 'MKSTREAM')
    got = read()
  end
  for _, entry in ipairs(got and got[1] and got[1][2] or {}) do
    local id = entry[2] and entry[2][2]
    local had = id and redis.call('HMGET', run(id), 'state', 'entry')
    if not had or had[1] ~= 'queued' or had[2] ~= entry[1] then
      drop(job, entry[1])
    else
      redis.call('HSET', run(id), 'state', 'running', 'worker', worker, 'started', now)
      redis.call('HINCRBY', run(id), 'tries', 1)
      redis.call('SADD', P .. 'held:' .. worker, id)
      table.insert(taken, {id, redis.call('HGETALL', run(id))})
    end
  end
end
local bell = redis.call('XREVRANGE', P .. 'bell', '+', '-', 'COUNT', 1)
return {1, bell[1] and bell[1][1] or '0-0', taken}
"""
)  # a command in one piece

# ARGV: worker, lease in milliseconds. Gives 0 where another worker was given what this one held.
RENEW = (
    _COMMON
    + """
local worker = ARGV[1]
if redis.call('EXISTS', P .. 'lost:' .. worker) == 1 then return 0 end
redis.call('ZADD', P .. 'workers', clock() + tonumber(ARGV[2]), worker)
return 1
"""
)

# ARGV: worker, 1 where its tries count. Hands back what it still holds: it has ended, so no lease need end.
RETIRE = (
    _COMMON
    + """
lose(ARGV[1], ARGV[2] == '1')
return 1
"""
)

# ARGV: worker, run. Hands one run back that the worker never got: the answer that delivered it was lost.
HAND_BACK = (
    _COMMON
    + """
local worker, id = ARGV[1], ARGV[2]
local had = redis.call('HMGET', run(id), 'worker', 'state', 'cancel')
if had[1] ~= worker or had[2] ~= 'running' then
  redis.call('SREM', P .. 'held:' .. worker, id)
elseif had[3] then
  finish(id, 'cancelled')
else
  redis.call('HINCRBY', run(id), 'tries', -1)
  again(id, 0)
end
return 1
"""
)

# ARGV: worker, run, try, result as JSON
DONE = (
    _COMMON
    + """
local worker, id, try = ARGV[1], ARGV[2], ARGV[3]
local by = worker .. ' ' .. try
if redis.call('HGET', run(id), 'by') == by then return 1 end
if not owns(worker, id, try) then return 0 end
redis.call('HSET', run(id), 'result', ARGV[4], 'progress', '1', 'by', by)
redis.call('HDEL', run(id), 'error')
finish(id, 'done')
return 1
"""
)

# ARGV: worker, run, try, error as JSON, delay in milliseconds or -1 for never again
FAILED = (
    _COMMON
    + """
local worker, id, try, delay = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[5])
if not owns(worker, id, try) then return 0 end
local had = redis.call('HMGET', run(id), 'tries', 'retries', 'cancel')
redis.call('HSET', run(id), 'error', ARGV[4])
if had[3] then
  finish(id, 'cancelled')
  return 3
elseif delay < 0 or tonumber(had[1]) > tonumber(had[2]) then
  finish(id, 'failed')
  return 2
end
again(id, delay)
return 1
"""
)

# ARGV: worker, run, try, progress
PROGRESS = (
    _COMMON
    + """
if not owns(ARGV[1], ARGV[2], ARGV[3]) then return 0 end
redis.call('HSET', run(ARGV[2]), 'progress', ARGV[4])
return 1
"""
)

# ARGV: worker, run, try, step, what it gave. Gives 0 where the run is not this worker's any more.
KEEP = (
    _COMMON
    + """
if not owns(ARGV[1], ARGV[2], ARGV[3]) then return 0 end
redis.call('HSET', steps(ARGV[2]), ARGV[4], ARGV[5])
return 1
"""
)

# ARGV: worker, run, try, sleep, milliseconds. Such a try does not count.
# Gives 1 where it has slept, 2 where the run is given back, 0 where it is not this worker's any more.
SLEEP = (
    _COMMON
    + """
local worker, id, try, name = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if not owns(worker, id, try) then return 0 end
local now = clock()
local till = tonumber(redis.call('HGET', steps(id), name) or now + tonumber(ARGV[5]))
redis.call('HSET', steps(id), name, till)
if redis.call('HGET', run(id), 'cancel') then
  finish(id, 'cancelled')
  return 2
elseif till <= now then
  return 1
end
redis.call('HINCRBY', run(id), 'tries', -1)
again(id, till - now)
return 2
"""
)

# ARGV: run. One that runs is asked to end; its worker does the rest.
CANCEL = (
    _COMMON
    + """
local id = ARGV[1]
local state = redis.call('HGET', run(id), 'state')
if state == 'queued' or state == 'held' then
  redis.call('HDEL', run(id), 'transaction', 'delay')
  finish(id, 'cancelled')
elseif state == 'running' then
  redis.call('HSET', run(id), 'cancel', '1')
end
return state
"""
)

# ARGV: run, delay in milliseconds, then what is kept of it: a step and what it gave, or nothing.
# A run that was queued with a delay and has not begun begins that much later. Gives 0 where it may have.
POSTPONE = (
    _COMMON
    + """
local id = ARGV[1]
local tries = redis.call('HGET', run(id), 'tries')
if not redis.call('ZSCORE', P .. 'later', id) or tries ~= '0' then return 0 end
redis.call('ZADD', P .. 'later', clock() + ARGV[2], id)
if ARGV[3] then redis.call('HSET', steps(id), ARGV[3], ARGV[4]) end
return 1
"""
)

# ARGV: run. One that has not begun is forgotten.
FORGET = (
    _COMMON
    + """
local id = ARGV[1]
local had = redis.call('HMGET', run(id), 'state', 'tries')
if had[1] ~= 'queued' or had[2] ~= '0' then return 0 end
leave(id)
redis.call('DEL', run(id), steps(id))
return 1
"""
)

# ARGV: run. A dead letter is queued again, with all its tries.
REVIVE = (
    _COMMON
    + """
local id = ARGV[1]
if redis.call('HGET', run(id), 'state') ~= 'failed' then return 0 end
redis.call('ZREM', P .. 'dead', id)
redis.call('PERSIST', run(id))
redis.call('PERSIST', steps(id))
local key = redis.call('HGET', run(id), 'key')
if key then redis.call('PERSIST', P .. 'key:' .. key) end
redis.call('HSET', run(id), 'tries', 0, 'progress', '0')
redis.call('HDEL', run(id), 'finished', 'by')
again(id, 0)
return 1
"""
)

# ARGV: worker. What falls due is queued, what lost its worker is queued again.
# Gives the server's clock, what this worker holds, and which of it is to end.
TICK = (
    _COMMON
    + """
local now = clock()
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'later', '-inf', now, 'LIMIT', 0, 500)) do
  redis.call('ZREM', P .. 'later', id)
  local had = redis.call('HMGET', run(id), 'state', 'job')
  if had[1] == 'queued' then queue(id, had[2]) end
end
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', P .. 'workers', '-inf', now, 'LIMIT', 0, 10)) do
  lose(worker, true)
end
local held, ending = redis.call('SMEMBERS', P .. 'held:' .. ARGV[1]), {}
for _, id in ipairs(held) do
  if redis.call('HGET', run(id), 'cancel') then table.insert(ending, id) end
end
return {now, held, ending}
"""
)

# ARGV: schedule, slot and now in milliseconds, 1 where runs may overlap, run, then field, value, ...
# A schedule that is seen for the first time begins with the slots that come. So does one whose last slot is a
# day ahead: the clock was wrong then.
FIRE = (
    _COMMON
    + """
local at, slot, now = P .. 'slot:' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local had = redis.call('HMGET', at, 'last', 'run')
if not had[1] or tonumber(had[1]) > now + 86400000 then
  redis.call('HSET', at, 'last', now)
  redis.call('EXPIRE', at, 40000000)
  return 'begun'
end
redis.call('EXPIRE', at, 40000000)
if slot <= tonumber(had[1]) then return 'had' end
redis.call('HSET', at, 'last', slot)
if ARGV[4] == '0' and had[2] then
  local state = redis.call('HGET', run(had[2]), 'state')
  if state == 'queued' or state == 'running' then return 'overlap' end
end
redis.call('HSET', at, 'run', ARGV[5])
begin(ARGV[5], {unpack(ARGV, 6)}, 0)
return 'fired'
"""
)

# ARGV: how many of each kind. Gives runs: those that may begin or have begun, then those that do not yet or
# not any more, each kind with the newest first.
RUNS = (
    _COMMON
    + """
local found = {}
for _, job in ipairs(redis.call('SMEMBERS', P .. 'jobs')) do
  for _, entry in ipairs(redis.call('XREVRANGE', ready(job), '+', '-', 'COUNT', ARGV[1])) do
    table.insert(found, entry[2][2])
  end
end
for _, kind in ipairs({'later', 'held', 'dead', 'ended'}) do
  for _, id in ipairs(redis.call('ZREVRANGE', P .. kind, 0, ARGV[1] - 1)) do table.insert(found, id) end
end
return found
"""
)

# Gives for each job how many wait, and the age in milliseconds of the oldest.
DEPTHS = (
    _COMMON
    + """
local now, depths = clock(), {}
for _, job in ipairs(redis.call('SMEMBERS', P .. 'jobs')) do
  local pending = redis.pcall('XPENDING', ready(job), 'annex')
  local held = pending and not pending.err and pending[1] or 0
  local oldest = redis.call('XRANGE', ready(job), '-', '+', 'COUNT', 1)
  local age = 0
  if oldest[1] then age = math.max(0, now - tonumber(string.match(oldest[1][1], '^%d+'))) end
  table.insert(depths, {job, redis.call('XLEN', ready(job)) - held, held, age})
end
return depths
"""
)


def with_prefix(script: str, prefix: str) -> str:
    """Return a script for keys that begin with `prefix`."""
    quoted = "".join(f"\\{byte:03}" for byte in prefix.encode())
    return script.replace(_PREFIX, quoted)
