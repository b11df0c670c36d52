// Makes a store with many cards and a long history, through the same engine, journal and checkpointer as the daemon but
// without HTTP: what restart times are measured on.
//
// Usage: fill_store DIR CARDS DECISIONS [FOLD]
//   DIR        a folder that does not exist yet
//   FOLD       how many of the decisions the checkpoint has; default: all but the last million
// Prints what it made and how fast, one figure a line.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "engine/fold.h"
#include "engine/record.h"
#include "engine/shards.h"
#include "storage/checkpointer.h"
#include "storage/journal.h"
#include "storage/sent_marks.h"
#include "storage/state_store.h"
#include "storage/store_directory.h"

namespace {

using namespace holdfast;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class StoreFold final : public storage::Fold {
 public:
  StoreFold(const engine::RowSource& rows, std::array<std::byte, 16> seed)
      : fold_(rows, seed, std::chrono::hours(24 * 7)) {}
  std::optional<std::string> apply(engine::Sequence sequence, engine::BytesView record) override {
    auto fault = fold_.apply(sequence, record);
    if (!fault) return std::nullopt;
    return fault->what;
  }
  std::size_t touched_rows() const override { return fold_.touched_rows(); }
  std::vector<engine::RowChange> take_changes() override { return fold_.take_changes(engine::Instant{}); }

 private:
  engine::Fold fold_;
};

class Filler {
 public:
  explicit Filler(const std::string& path)
      : directory_(path),
        marks_(storage::sent_marks_file(path), storage::sent_marks_capacity(storage::JournalOptions{}.queue_records)),
        journal_(directory_, marks_, {}),
        state_(directory_),
        shards_(1, directory_.identity().hash_seed, 0) {
    journal_.set_waker(0, [] {});
    journal_.start();
    journal_.recovered();
  }

  void make_cards(std::uint64_t cards) {
    for (std::uint64_t i = 0; i < cards; ++i) {
      engine::CreateNode command;
      command.node = shards_.nodes().cards.allocate();
      command.identity.id = {now_millis() << 16, random_()};
      command.identity.created_at = now();
      command.identity.currency = {840};
      command.identity.processor_endpoint = "stripe-main";
      command.identity.processor_card = "ic_" + std::to_string(command.node);
      command.settings.label = "Agent " + std::to_string(command.node);
      command.settings.limits = {{engine::Limit::Form::amount, engine::WindowKind::lifetime, 1'000'000'000}};
      shards_.enter_names(command.node, command.identity);
      append(command, {});
    }
  }

  void decide(std::uint64_t decisions) {
    const std::uint64_t cards = shards_.nodes().cards.last();
    for (std::uint64_t i = 0; i < decisions; ++i) {
      const std::string id = "iauth_1QxY2aF7kLmN8oP" + std::to_string(10'000'000 + next_);
      const std::string event = "evt_1QxY2cF7kLmN8oPqZ" + std::to_string(10'000'000 + next_);
      ++next_;
      engine::Authorize command{static_cast<engine::NodeIndex>(1 + random_() % cards), {}};
      command.request.processor = engine::Processor::stripe;
      command.request.authorization_id = id;
      command.request.amount = static_cast<engine::Minor>(1 + random_() % 5'000);
      command.request.currency = {840};
      command.request.merchant = {"526617000123456", "CAFE DU PARC", 5812, {250}};
      append(command, {"stripe-main", event, random_()});
    }
  }

  void wait_until_durable() {
    journal_.submit(0);
    while (durable_ < appended_)
      take_durable();
  }

  double fold() {
    StoreFold fold(state_, directory_.identity().hash_seed);
    storage::Checkpointer::Options options;
    options.rows_max = 120'000;
    storage::Checkpointer checkpointer(journal_, state_, fold, options);
    const auto start = Clock::now();
    checkpointer.start();
    checkpointer.stop(true);
    if (const auto failure = checkpointer.failure()) {
      std::fprintf(stderr, "%s\n", failure->c_str());
      std::exit(1);
    }
    return seconds_since(start);
  }

 private:
  static std::uint64_t now_millis() { return static_cast<std::uint64_t>(engine::to_millis(now())); }
  static engine::Instant now() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }

  void append(const engine::Command& command, const engine::MessageRef& message) {
    while (!journal_.has_room(0)) {
      journal_.submit(0);
      take_durable();
    }
    const engine::Instant at = now();
    const auto bytes = engine::encode({at, message, command, shards_.apply(command, at), {}}, buffer_);
    journal_.append(0, bytes);
    if (++appended_ % 512 == 0) journal_.submit(0);
  }
  void take_durable() {
    while (const auto run = journal_.next_durable(0)) {
      durable_ += run->count;
      for (std::uint64_t i = 0; i < run->count; ++i)
        journal_.mark_sent(run->first_sequence + i);
      journal_.settle(0, run->first_sequence + run->count - 1);
    }
    std::this_thread::yield();
  }

  storage::StoreDirectory directory_;
  storage::SentMarks marks_;
  storage::LmdbJournal journal_;
  storage::StateStore state_;
  engine::Shards shards_;
  std::mt19937_64 random_{1};
  std::vector<std::byte> buffer_ = std::vector<std::byte>(engine::kRecordBytesMax);
  std::uint64_t next_ = 0;
  std::uint64_t appended_ = 0;
  std::uint64_t durable_ = 0;
};

int fill(const std::string& path, std::uint64_t cards, std::uint64_t decisions, std::uint64_t folded) {
  Filler filler(path);
  auto start = Clock::now();
  filler.make_cards(cards);
  filler.wait_until_durable();
  std::printf("cards %llu\ncards_per_second %.0f\n", static_cast<unsigned long long>(cards),
              static_cast<double>(cards) / seconds_since(start));
  start = Clock::now();
  filler.decide(folded);
  filler.wait_until_durable();
  const double decided = seconds_since(start);
  std::printf("decisions_per_second_without_http %.0f\n", static_cast<double>(folded) / decided);
  std::printf("records_folded %llu\nfold_seconds %.2f\n", static_cast<unsigned long long>(cards + folded),
              filler.fold());
  filler.decide(decisions - folded);
  filler.wait_until_durable();
  std::printf("decisions %llu\n", static_cast<unsigned long long>(decisions));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: fill_store DIR CARDS DECISIONS [FOLD]\n");
    return 2;
  }
  const std::uint64_t decisions = std::strtoull(argv[3], nullptr, 10);
  const std::uint64_t folded =
      argc > 4 ? std::strtoull(argv[4], nullptr, 10) : decisions - std::min<std::uint64_t>(decisions, 1'000'000);
  try {
    return fill(argv[1], std::strtoull(argv[2], nullptr, 10), decisions, folded);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fill_store: %s\n", error.what());
    return 1;
  }
}
