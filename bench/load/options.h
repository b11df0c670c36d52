// What a run is asked to do.
//
// Units: as the names say; shares are of 1.
#pragma once

#include <cstdint>
#include <string>

#include "bench/load/mix.h"
#include "net/simulator/wire_form.h"

namespace holdfast::load {

struct Options {
  std::string target = "http://127.0.0.1:8080";
  engine::Processor kind = engine::Processor::native;
  std::string endpoint;  // of a processor's kind: its name at the target
  std::string path;      // and its path; empty: /webhooks/<name>
  std::string api_key;
  net::simulator::Credentials credentials;

  std::size_t cards = 1000;
  std::string limit_usd = "10000000";
  Spread spread = Spread::uniform;
  double zipf_exponent = 1.05;
  Shares shares;

  double rate = 0;  // a second; 0: a closed loop
  unsigned connections = 64;
  unsigned threads = 1;
  double warm_up_seconds = 1;
  double seconds = 10;
  double patience_seconds = 10;  // for answers after the end
  double settle_seconds = 5;     // for balances to agree: withdrawals may follow an answer
  std::uint64_t seed = 1;

  double under_p99_ms = 0;  // above 0: looks for the highest rate whose p99 is under it, from `rate` on
  double up_to_rate = 1'000'000;

  double lateness_share_max = 0.25;  // of the p99 that is reported, that the generator's own lateness may have
  double busy_share_max = 0.9;       // of a worker's time

  int pid = 0;  // of a daemon on this machine
  std::string json_file;
  std::string html_file;
};

}  // namespace holdfast::load
