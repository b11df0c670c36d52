-- wrk script: the same request body as decisions.lua to a server that answers anything. Prints the same line.
wrk.method = "POST"
wrk.body = '{"id":"w-1000000000-0-1000000","card":"card_01J9ZK3Q6T8V5W2X4Y6Z8A0B1C","amount":2500,"currency":"USD","merchant":{"id":"m_77","name":"OpenAI","category":"5734","country":"US"}}'
wrk.headers["Authorization"] = "Bearer token-of-the-benchmark"
wrk.headers["Content-Type"] = "application/json"

function done(summary, latency)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %.0f %.3f %.3f %d %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.errors.status, errors))
end
