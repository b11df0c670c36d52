// A process that uses a store, for tests that kill it or let it run into damage.
//
//   store_tool write DIR LANES   appends until killed; prints "ack LANE SEQUENCE INDEX" once a record is durable
//   store_tool read DIR          walks the journal; prints "LAST CHECKSUM" over sequences and payloads; 3 when refused
//   store_tool open DIR          the same through a journal opened for writing, as a daemon starts
//   store_tool state DIR         prints a checksum over all rows of the state; 3 when refused
// The record with index i of a lane is payload_of(lane, i).
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage/doorbell.h"
#include "storage/journal.h"
#include "storage/journal_reader.h"
#include "storage/state_store.h"
#include "tests/storage/payload.h"

namespace {

using namespace holdfast::storage;

constexpr int kRefused = 3;

JournalOptions tool_options(unsigned lanes) {
  JournalOptions options;
  options.lanes = lanes;
  options.map_size = std::uint64_t{256} << 20;
  options.preallocate_bytes = 4 << 20;
  options.minimum_free_bytes = 0;
  return options;
}

void say(const std::string& line) {
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) ::_exit(1);
}

void append_for_ever(LmdbJournal& journal, unsigned lane, Doorbell& bell, std::atomic<bool>& woken) {
  std::uint64_t appended = 0;
  std::uint64_t durable = 0;
  for (;;) {
    for (int i = 0; i < 16 && journal.has_room(lane) && appended - durable < 256; ++i) {
      const std::string payload = holdfast::storage::test::payload_of(lane, appended++);
      journal.append(lane, std::as_bytes(std::span(payload)));
    }
    journal.submit(lane);
    bell.sleep(std::chrono::seconds(10), [&woken] { return woken.load(); });
    woken = false;
    std::string lines;
    Sequence last = 0;
    while (const auto run = journal.next_durable(lane)) {
      for (std::uint64_t i = 0; i < run->count; ++i) {
        last = run->first_sequence + i;
        lines += "ack " + std::to_string(lane) + " " + std::to_string(last) + " " + std::to_string(durable++) + "\n";
      }
    }
    say(lines);
    if (last != 0) journal.settle(lane, last);
  }
}

int write(const std::string& path, unsigned lanes) {
  const StoreDirectory directory(path);
  SentMarks marks(sent_marks_file(path));
  LmdbJournal journal(directory, marks, tool_options(lanes));
  std::vector<std::unique_ptr<Doorbell>> bells;
  std::vector<std::atomic<bool>> woken(lanes);
  for (unsigned lane = 0; lane < lanes; ++lane) {
    bells.push_back(std::make_unique<Doorbell>());
    journal.set_waker(lane, [&, lane] {
      woken[lane].store(true);
      bells[lane]->ring();
    });
  }
  journal.start();
  journal.recovered();
  std::vector<std::thread> threads;
  for (unsigned lane = 0; lane < lanes; ++lane) {
    threads.emplace_back([&, lane] { append_for_ever(journal, lane, *bells[lane], woken[lane]); });
  }
  for (std::thread& thread : threads)
    thread.join();
  return 0;
}

int print_journal(const JournalReader& reader) {
  Sequence last = 0;
  std::uint32_t sum = 0;
  auto damage = reader.last(last);
  if (!damage) {
    damage = reader.walk(0, std::nullopt, JournalReader::kAll, [&](const JournalRecord& record) {
      sum = crc32c(sum, std::as_bytes(std::span(&record.sequence, 1)));
      sum = crc32c(sum, record.payload);
      return true;
    });
  }
  if (damage) {
    std::fprintf(stderr, "record %llu %s\n", static_cast<unsigned long long>(damage->sequence), damage->what.c_str());
    return kRefused;
  }
  say(std::to_string(last) + " " + std::to_string(sum) + "\n");
  return 0;
}

int print_state(const std::string& path) {
  const StoreDirectory directory(path);
  const StateStore state(directory);
  const Folded folded = state.folded();
  std::uint32_t sum = crc32c(0, std::as_bytes(std::span(&folded.sequence, 1)));
  for (int table = 0; table < holdfast::engine::kTables; ++table) {
    state.for_each(static_cast<holdfast::engine::Table>(table),
                   [&sum](BytesView key, BytesView value) { sum = crc32c(crc32c(sum, key), value); });
  }
  say(std::to_string(sum) + "\n");
  return 0;
}

int open_journal(const std::string& path) {
  const StoreDirectory directory(path);
  SentMarks marks(sent_marks_file(path));
  const LmdbJournal journal(directory, marks, tool_options(1));
  return print_journal(*journal.reader());
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments, arguments + count);
  try {
    if (count == 4 && words[1] == "write") return write(words[2], static_cast<unsigned>(std::stoul(words[3])));
    if (count == 3 && words[1] == "read") return print_journal(JournalReader(words[2]));
    if (count == 3 && words[1] == "open") return open_journal(words[2]);
    if (count == 3 && words[1] == "state") return print_state(words[2]);
  } catch (const StoreError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return kRefused;
  }
  std::fprintf(stderr, "usage: store_tool write DIR LANES | read DIR | open DIR | state DIR\n");
  return 2;
}
