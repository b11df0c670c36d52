// That a decision in steady state calls no allocator, from the request's bytes to the answer's: router, decoder, desk,
// engine, record and encoder, for the native API and for Stripe.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <string>

#include "engine/identifier.h"
#include "net/authorization_routes.h"
#include "net/processor_route.h"
#include "tests/net/allocation_count.h"
#include "tests/net/api_fixture.h"
#include "tests/net/fake_journal.h"

namespace holdfast::net {
namespace {

// The tables of authorizations and messages double now and then: at 1536 entries, and not again before 3072.
constexpr std::uint64_t kWarmUp = 2'000;
constexpr std::uint64_t kDecisions = 3'000;

// Takes records and calls them durable when asked; keeps nothing, so that it allocates nothing.
class CountingJournal final : public engine::Journal {
 public:
  void commit() {
    durable_ = appended_;
    waker_();
  }
  bool has_room(unsigned) const override { return true; }
  void append(unsigned, std::span<const std::byte>) override { ++appended_; }
  void submit(unsigned) override {}
  std::optional<engine::DurableRun> next_durable(unsigned) override {
    if (reported_ == durable_) return std::nullopt;
    const engine::DurableRun run{reported_ + 1, durable_ - reported_};
    reported_ = durable_;
    return run;
  }
  void set_waker(unsigned, std::function<void()> waker) override { waker_ = std::move(waker); }
  void mark_sent(engine::Sequence) override {}
  void settle(unsigned, engine::Sequence) override {}
  engine::JournalHealth health() const override { return engine::JournalHealth::ready; }
  std::chrono::microseconds expected_wait() const override { return std::chrono::microseconds(0); }
  engine::Sequence sequence() const override { return durable_; }

 private:
  std::uint64_t appended_ = 0;
  std::uint64_t durable_ = 0;
  std::uint64_t reported_ = 0;
  std::function<void()> waker_;
};

class LastAnswer final : public Exchange {
 public:
  using Exchange::respond;
  void respond(int answer_status, std::string_view, std::string_view answer_body,
               std::span<const HeaderView>) override {
    status = answer_status;
    body.assign(answer_body);
  }
  int status = 0;
  std::string body;
};

class NoArchive final : public Archive {
 public:
  void read(std::vector<engine::Sequence> sequences, std::function<void(std::vector<engine::Bytes>)> done) override {
    done(std::vector<engine::Bytes>(sequences.size()));
  }
};

class DecisionAllocationTest : public ::testing::Test {
 protected:
  DecisionAllocationTest() {
    journal_.set_waker(0, [this] { boost::asio::post(io_, [this] { desk_.on_journal(); }); });
    keys_.publish(KeyRing({{{1, 1}, Role::processor, "tests", tokens_("token-of-the-tests"), {}}}));
    engine::CreateNode command;
    command.node = shards_.nodes().cards.allocate();
    command.identity.id = {1, 2};
    command.identity.currency = {840};
    command.identity.processor_endpoint = "stripe-main";
    command.identity.processor_card = "ic_hot";
    command.settings.limits = {{engine::Limit::Form::amount, engine::WindowKind::day, 5'000},
                               {engine::Limit::Form::amount, engine::WindowKind::rolling, 1'000'000, 3'600}};
    shards_.enter_names(command.node, command.identity);
    shards_.apply(command, surroundings_.now());
    routes_.add_to(router_);
  }

  // A request of its own id each time, half of them declined once the limit is reached.
  void send(Method method, std::string_view path, std::string_view body, std::span<const HeaderView> headers) {
    Request request;
    request.method = method;
    request.path = path;
    request.headers = headers;
    request.body = body;
    request.first_byte = std::chrono::steady_clock::now();
    request.id = "req-1";
    router_.on_request(request, answer_);
    run();
    journal_.commit();
    run();
  }
  void run() {
    io_.restart();
    while (io_.poll() != 0) {
    }
  }

  // Writes the number into the template's place of ten digits.
  static void number_into(std::string& text, std::size_t place, std::uint64_t number) {
    for (std::size_t i = 10; i-- > 0; number /= 10)
      text[place + i] = static_cast<char>('0' + number % 10);
  }

  boost::asio::io_context io_{1};
  engine::Shards shards_{1, {}, 0, 64};
  CountingJournal journal_;
  FakeLateAnswers late_answers_;
  Crossing crossing_{{[] {}}};
  DeskCounters desk_counters_;
  Desk desk_{0, 64, shards_, journal_, late_answers_, crossing_, io_, desk_counters_};
  PublishedKeys keys_{shards_.epochs()};
  TokenHasher tokens_{std::array<std::byte, 32>{}};
  CardIssuer issuer_ = *CardIssuer::make(std::array<std::byte, 32>{}, "400000");
  FakeSurroundings surroundings_;
  NoArchive archive_;
  JsonDocument json_;
  LoopContext context_{0,       shards_,       journal_, desk_, keys_, tokens_,
                       issuer_, surroundings_, archive_, json_, {},    [](unsigned, std::function<void()>) {}};
  DecisionCounters counters_;
  Router router_{context_};
  AuthorizationRoutes routes_{context_, counters_};
  LastAnswer answer_;
};

TEST_F(DecisionAllocationTest, ANativeDecisionAllocatesNothing) {
  const std::string card = engine::format_id("card_", {1, 2});
  std::string body = R"({"id":"txn-0000000000","card":")" + card +
                     R"(","amount":10,"currency":"USD","merchant":{"id":"m_77","name":"OpenAI","category":"5734",)" +
                     R"("country":"US"},"partial_approval":false})";
  const HeaderView headers[] = {{"Content-Type", "application/json"}, {"Authorization", "Bearer token-of-the-tests"}};
  std::uint64_t before = 0;
  for (std::uint64_t i = 0; i < kDecisions; ++i) {
    if (i == kWarmUp) before = allocations_of_this_thread();
    number_into(body, 11, i);  // behind {"id":"txn-
    send(Method::post, "/api/v1/authorizations", body, headers);
    ASSERT_EQ(answer_.status, 200) << answer_.body;
  }
  EXPECT_EQ(allocations_of_this_thread() - before, 0U);
  EXPECT_EQ(counters_.by_reason[0].get(), 500U);
  EXPECT_EQ(counters_.by_reason[static_cast<std::size_t>(engine::Reason::card_limit)].get(), kDecisions - 500U);
}

TEST_F(DecisionAllocationTest, ASignedStripeDecisionAllocatesNothing) {
  constexpr std::string_view kSecret = "whsec_tests";
  EndpointSettings settings;
  settings.name = "stripe-main";
  settings.dialect = make_stripe_dialect({.secrets = {&kSecret, 1}});
  ProcessorRoute route(context_, counters_, std::make_shared<const EndpointSettings>(std::move(settings)));
  router_.add_open(Method::post, "/webhooks/stripe-main",
                   [&route](const Call& call) { route.on_request(call.request, call.exchange); });
  std::string body =
      R"({"id":"evt_0000000000","object":"event","api_version":"2025-03-31.basil","type":)"
      R"("issuing_authorization.request","data":{"object":{"id":"iauth_0000000000","object":"issuing.authorization",)"
      R"("approved":false,"amount":0,"card":{"id":"ic_hot"},"currency":"usd","merchant_data":{"category":)"
      R"("eating_places_restaurants","category_code":"5812","country":"FR","name":"CAFE","network_id":"5266"},)"
      R"("pending_request":{"amount":10,"currency":"usd","is_amount_controllable":false},"request_history":[]}}})";
  const std::size_t event = body.find("evt_") + 4;
  const std::size_t authorization = body.find("iauth_") + 6;
  const HmacSha256 sign(kSecret);
  const std::string time = std::to_string(engine::to_millis(surroundings_.now()) / 1000);
  std::uint64_t allocated = 0;
  for (std::uint64_t i = 0; i < kDecisions; ++i) {
    number_into(body, event, i);
    number_into(body, authorization, i);
    std::string signature = "t=" + time + ",v1=";
    for (const std::byte byte : sign({time, ".", body})) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      signature += kDigits[std::to_integer<unsigned>(byte) >> 4];
      signature += kDigits[std::to_integer<unsigned>(byte) & 15U];
    }
    const HeaderView headers[] = {{"Content-Type", "application/json"}, {"Stripe-Signature", signature}};
    const std::uint64_t before = allocations_of_this_thread();
    send(Method::post, "/webhooks/stripe-main", body, headers);
    if (i >= kWarmUp) allocated += allocations_of_this_thread() - before;
    ASSERT_EQ(answer_.status, 200) << answer_.body;
  }
  EXPECT_EQ(allocated, 0U);
  EXPECT_EQ(counters_.by_reason[0].get(), 500U);
}

}  // namespace
}  // namespace holdfast::net
