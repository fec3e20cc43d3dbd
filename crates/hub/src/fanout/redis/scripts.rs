//! What must happen in one step.

/// KEYS: a route. ARGV: its holder, milliseconds. 1: kept, or taken again after it was lost.
pub(super) const KEEP_ROUTE: &str = "
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1";

/// KEYS: a route. ARGV: its holder. 1: it was his, and is over.
pub(super) const END_ROUTE: &str = "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1";

/// KEYS: when riders were seen, their places, those in degrees. ARGV: milliseconds of life; then for each rider: id, when it was
/// seen, its place, longitude and latitude (empty: on a plane). What was seen before the last one known is passed over.
pub(super) const PUT_PLACES: &str = "
for i = 2, #ARGV, 5 do
  local known = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if not known or tonumber(ARGV[i + 1]) >= tonumber(known) then
    redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i])
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 2])
    if ARGV[i + 3] ~= '' then
      redis.call('GEOADD', KEYS[3], ARGV[i + 3], ARGV[i + 4], ARGV[i])
    else
      redis.call('ZREM', KEYS[3], ARGV[i])
    end
  end
end
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[1]) end";
