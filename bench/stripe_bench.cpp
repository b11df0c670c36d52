// What the codec costs a Stripe authorization: signature, decode, encode, on a body of realistic size.
//
// Each result is checked before time is taken; `allocs/op` counts calls of operator new inside the timed part, which
// must stay at zero.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "net/processors/signature.h"
#include "net/processors/stripe.h"

namespace {
std::atomic<std::uint64_t> allocations{0};
}  // namespace

// The libraries' allocations are counted too: they are linked against these. Not inlined, since gcc would then see a
// `free` for what it takes to come from the library's `new`.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new[](std::size_t size) {
  return operator new(size);
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size != 0 ? size : 1);
}
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
  return operator new(size, tag);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace {

using namespace holdfast;
using namespace holdfast::net;

constexpr std::string_view kSecret = "whsec_bench_6f1c";
constexpr std::int64_t kTime = 1'773'300'601;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "stripe_bench: wrong result: %s\n", what);
  std::abort();
}

std::string request_body() {
  std::ifstream in(std::filesystem::path(HOLDFAST_SOURCE_DIR) / "tests/net/fixtures/stripe_request.json",
                   std::ios::binary);
  std::string body((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  require(!body.empty(), "no fixture");
  return body;
}

std::string signature_header(std::string_view body) {
  std::string header = "t=" + std::to_string(kTime) + ",v1=";
  for (const std::byte byte : HmacSha256(kSecret)({std::to_string(kTime), ".", body})) {
    header += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    header += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return header;
}

// Times `step` and reports what it allocates.
template <class Step>
void measure(benchmark::State& state, std::size_t bytes, Step&& step) {
  const std::uint64_t before = allocations.load(std::memory_order_relaxed);
  for (auto _ : state)
    step();
  const std::uint64_t made = allocations.load(std::memory_order_relaxed) - before;
  state.counters["allocs/op"] = static_cast<double>(made) / static_cast<double>(state.iterations());
  state.counters["body"] = static_cast<double>(bytes);
}

void verify_signature(benchmark::State& state) {
  const std::vector<std::string_view> secrets(static_cast<std::size_t>(state.range(0)), kSecret);
  const StripeSignature verifier(secrets);
  const std::string body = request_body();
  const std::string header = signature_header(body);
  const auto now = engine::from_millis(kTime * 1000);
  require(verifier.verify(header, body, now) == SignatureResult::ok, "a good signature");
  require(verifier.verify(header, body + " ", now) == SignatureResult::mismatch, "a bad signature");
  measure(state, body.size(), [&] { benchmark::DoNotOptimize(verifier.verify(header, body, now)); });
}
BENCHMARK(verify_signature)->ArgName("secrets")->Arg(1)->Arg(2);

void parse_json(benchmark::State& state) {
  JsonDocument document;
  const std::string body = request_body();
  require(document.parse(body), "the fixture is JSON");
  measure(state, body.size(), [&] { benchmark::DoNotOptimize(document.parse(body)); });
}
BENCHMARK(parse_json);

// The parser alone: what the strictness on top of it costs is the difference to parse_json.
void parse_json_unchecked(benchmark::State& state) {
  simdjson::dom::parser parser;
  const simdjson::padded_string body(request_body());
  require(parser.parse(body).error() == simdjson::SUCCESS, "the fixture is JSON");
  measure(state, body.size(), [&] { benchmark::DoNotOptimize(parser.parse(body).error()); });
}
BENCHMARK(parse_json_unchecked);

void decode(benchmark::State& state) {
  JsonDocument document;
  const std::string body = request_body();
  const auto event = stripe::decode(body, document);
  const auto* asked = std::get_if<Asked>(&event);
  require(asked != nullptr && asked->request.amount == 1875, "the amount");
  measure(state, body.size(), [&] { benchmark::DoNotOptimize(stripe::decode(body, document)); });
}
BENCHMARK(decode);

void encode_approval(benchmark::State& state) {
  engine::AuthorizationRequest request;
  request.amount = 1875;
  request.partial_approval = true;
  engine::Decision decision;
  decision.approved_amount = 640;
  std::string out;
  stripe::append_answer(out, decision, request);
  require(out == R"({"approved":true,"amount":640})", "the approval");
  measure(state, out.size(), [&] {
    out.clear();
    stripe::append_answer(out, decision, request);
    benchmark::DoNotOptimize(out.data());
  });
}
BENCHMARK(encode_approval);

void encode_decline(benchmark::State& state) {
  engine::AuthorizationRequest request;
  request.amount = 1875;
  engine::Decision decision;
  decision.reason = engine::Reason::count_limit;
  decision.retryable = engine::Retryable::after;
  decision.retry_after = engine::from_millis(1'773'360'000'000);
  decision.declined_by.limit = 2;
  constexpr std::string_view kNode = "card_01K4Q0V7M3N8T5R2W9X6Y1Z0AB";
  std::string out;
  stripe::append_answer(out, decision, request, kNode);
  require(out.find("2026-03-13T00:00:00.000Z") != std::string::npos, "the decline");
  measure(state, out.size(), [&] {
    out.clear();
    stripe::append_answer(out, decision, request, kNode);
    benchmark::DoNotOptimize(out.data());
  });
}
BENCHMARK(encode_decline);

// Steps 3, 4 and 8 of an authorization together.
void verify_decode_encode(benchmark::State& state) {
  const std::vector<std::string_view> secrets = {kSecret};
  const StripeSignature verifier(secrets);
  JsonDocument document;
  const std::string body = request_body();
  const std::string header = signature_header(body);
  const auto now = engine::from_millis(kTime * 1000);
  engine::Decision decision;
  decision.approved_amount = 1875;
  std::string out;
  const auto answer = [&] {
    if (verifier.verify(header, body, now) != SignatureResult::ok) return;
    const auto event = stripe::decode(body, document);
    out.clear();
    stripe::append_answer(out, decision, std::get<Asked>(event).request);
  };
  answer();
  require(out == R"({"approved":true})", "the answer");
  measure(state, body.size(), answer);
}
BENCHMARK(verify_decode_encode);

}  // namespace
