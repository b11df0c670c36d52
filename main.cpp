// The command line: which command, with what. Composition only.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <string>
#include <variant>

#include "config/load.h"
#include "engine/ascii.h"
#include "serve.h"
#include "simulate.h"
#include "storage/inspect.h"
#include "storage/store_directory.h"
#include "storage/verify.h"
#include "version.h"

namespace {

int check_config(const std::string& path) {
  const auto loaded = holdfast::config::load_file(path, holdfast::config::process_environment());
  if (const auto* errors = std::get_if<holdfast::config::ConfigErrors>(&loaded)) {
    for (const auto& error : *errors)
      std::cerr << error.text() << '\n';
    return 1;
  }
  std::cout << "ok\n";
  return 0;
}

int verify(const std::string& store) {
  const holdfast::storage::Verification result = holdfast::storage::verify(store);
  const auto hash = result.state_hash;
  std::cout << "records " << result.records << "\napprovals " << result.approvals << "\ndeclines " << result.declines
            << "\nwithdrawals " << result.withdrawals << "\ncards " << result.cards << "\nauthorizations "
            << result.authorizations << "\ncheckpoint_sequence " << result.checkpoint_sequence
            << "\ncheckpoint_rows_compared " << result.checkpoint_rows << "\nchain "
            << holdfast::engine::hex(result.chain) << "\nstate_hash "
            << holdfast::engine::hex(std::as_bytes(std::span(&hash, 1))) << '\n';
  for (const std::string& difference : result.differences)
    std::cout << "DIFFERENCE " << difference << '\n';
  std::cout << (result.passed() ? "ok\n" : "FAILED\n");
  return result.passed() ? 0 : 1;
}

int run(int argc, char** argv) {
  CLI::App app("Holdfast, a card authorization engine: hard spending caps for cards that software holds.");
  app.require_subcommand(1);
  std::string path;
  holdfast::storage::InspectOptions inspected;
  int status = 0;

  auto* serve = app.add_subcommand("serve", "Run the daemon");
  serve->add_option("--config", path, "Configuration file")->required();
  serve->callback([&] { status = holdfast::serve(path); });

  auto* check = app.add_subcommand("check-config", "Check a configuration file and start nothing");
  check->add_option("FILE", path, "Configuration file")->required();
  check->callback([&] { status = check_config(path); });

  auto* verified = app.add_subcommand("verify", "Recompute a store from its journal and compare");
  verified->add_option("DIR", path, "Folder of the store")->required();
  verified->callback([&] { status = verify(path); });

  auto* inspect = app.add_subcommand("inspect", "Print journal records");
  inspect->add_option("DIR", path, "Folder of the store")->required();
  inspect->add_option("--card", inspected.card, "Only records about this card");
  inspect->add_option("--authorization", inspected.authorization, "Only records about this authorization");
  inspect->add_option("--from", inspected.from, "First sequence to print");
  inspect->add_flag("--json", inspected.json, "One JSON object a line");
  inspect->callback([&] { status = holdfast::storage::inspect(path, inspected, std::cout) ? 0 : 1; });

  holdfast::add_simulate(app, status);

  auto* version = app.add_subcommand("version", "Version, commit, compiler and build type");
  version->callback([] { std::cout << holdfast::version_json() << '\n'; });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "holdfast: %s\n", error.what());
    return 1;
  }
}
