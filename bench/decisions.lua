-- wrk script: native authorizations, each with an id of its own, on cards drawn at random from a file.
-- Arguments: FILE (a card id a line), KEY (bearer token).
local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(arguments)
  cards = {}
  for line in io.lines(arguments[1]) do cards[#cards + 1] = line end
  math.randomseed(os.time() * 64 + number)
  run = math.random(1, 2 ^ 30)
  sent = 0
  headers = { ["Authorization"] = "Bearer " .. arguments[2], ["Content-Type"] = "application/json" }
end

function request()
  sent = sent + 1
  local body = string.format(
    '{"id":"w-%d-%d-%d","card":"%s","amount":%d,"currency":"USD","merchant":{"id":"m_77","name":"OpenAI","category":"5734","country":"US"}}',
    run, number, sent, cards[math.random(#cards)], math.random(1, 5000))
  return wrk.format("POST", "/api/v1/authorizations", headers, body)
end

-- One line that a shell can read: requests per second, p50 and p99 in milliseconds, answers that were not 2xx, errors.
function done(summary, latency)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %.0f %.3f %.3f %d %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.errors.status, errors))
end
