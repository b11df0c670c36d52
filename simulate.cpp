#include "simulate.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <memory>
#include <sstream>

#include "config/keys.h"
#include "config/secrets.h"
#include "net/simulator/player.h"
#include "net/simulator/text.h"
#include "scenario_file.h"

namespace holdfast {
namespace {

using namespace net::simulator;

constexpr unsigned kConnectionsMax = 1'000;
constexpr std::string_view kWebhooks = "/webhooks/";

// What the command line says.
struct Words {
  std::string kind;
  std::string target;
  std::string scenario = "all";
  std::string endpoint;
  std::string secret;
  std::string secret_file;
  std::string username;
  std::string password;
  std::string api;
  std::string api_key;
  std::vector<std::string> cards;
  std::vector<std::string> chaos;
  std::uint64_t seed = 1;
  double rate = 0;
  unsigned connections = 10;
  bool json = false;
};

// "env:NAME", "file:PATH" or the value itself.
std::string secret_of(const std::string& text) {
  const auto reference = config::secret_reference_from_text(text);
  if (!reference && !text.starts_with("env:") && !text.starts_with("file:")) return text;
  if (!reference) throw Unplayable(text + ": names no variable or file");
  std::string value;
  const std::string wrong = config::find_secret(*reference, config::process_environment(), value);
  if (!wrong.empty()) throw Unplayable(text + ": " + wrong);
  return value;
}

Url url_of(const std::string& text, const char* option) {
  auto url = parse_url(text);
  if (!url) throw Unplayable(std::string(option) + " must be http://host[:port][/path], not " + text);
  return *url;
}

Chaos chaos_of(const std::vector<std::string>& names) {
  const auto has = [&](std::string_view name) {
    return std::any_of(names.begin(), names.end(), [&](const auto& each) { return each == name || each == "all"; });
  };
  return {.duplicate = has("duplicate"),
          .reorder = has("reorder"),
          .drop_connection = has("drop-connection"),
          .split = has("split"),
          .replay = has("replay")};
}

// The endpoint's name is the last part of its path, unless it is given.
void name_endpoint(PlaySettings& settings, const Words& words) {
  const bool native = settings.kind == engine::Processor::native;
  settings.path = settings.target.path == "/" ? "" : settings.target.path;
  settings.endpoint = words.endpoint;
  if (settings.endpoint.empty() && settings.path.starts_with(kWebhooks))
    settings.endpoint = settings.path.substr(kWebhooks.size());
  if (settings.endpoint.empty()) settings.endpoint = traits_of(settings.kind).default_endpoint;
  if (settings.path.empty() && !native) settings.path = std::string(kWebhooks) + settings.endpoint;
}

PlaySettings settings_of(const Words& words) {
  PlaySettings settings;
  settings.kind = *processor_from_name(words.kind);
  settings.target = url_of(words.target, "--target");
  name_endpoint(settings, words);
  const std::string secret = secret_of(words.secret_file.empty() ? words.secret : "file:" + words.secret_file);
  settings.credentials = {secret, words.username, secret_of(words.password)};
  std::string key = secret_of(words.api_key);
  if (key.empty() && settings.kind == engine::Processor::native) key = secret;
  if (!key.empty()) settings.api = {words.api.empty() ? settings.target : url_of(words.api, "--api"), key};
  for (const std::string& card : words.cards) {
    const std::size_t equals = card.find('=');
    if (equals == std::string::npos) throw Unplayable("--card must be NAME=ID, not " + card);
    settings.cards[card.substr(0, equals)] = card.substr(equals + 1);
  }
  settings.chaos = chaos_of(words.chaos);
  settings.seed = words.seed;
  settings.per_second = words.rate;
  settings.connections = words.connections;
  return settings;
}

Scenario read_scenario(const std::string& name) {
  ScenarioResult result = load_scenario(name);
  if (auto* scenario = std::get_if<Scenario>(&result)) return std::move(*scenario);
  std::string all;
  for (const std::string& error : std::get<ScenarioErrors>(result))
    all += (all.empty() ? "" : "\n") + error;
  throw Unplayable(all);
}

bool can_play(const Scenario& scenario, engine::Processor kind) {
  return std::find(scenario.kinds.begin(), scenario.kinds.end(), kind) != scenario.kinds.end();
}

// "all": those that come with the program and this kind of processor can play.
std::vector<Scenario> scenarios_of(const Words& words, engine::Processor kind) {
  std::vector<Scenario> scenarios;
  if (words.scenario != "all") {
    scenarios.push_back(read_scenario(words.scenario));
    if (!can_play(scenarios.back(), kind)) throw Unplayable(words.scenario + " is not for " + words.kind);
    return scenarios;
  }
  for (const std::string_view name : shipped_scenarios()) {
    Scenario scenario = read_scenario(std::string(name));
    if (can_play(scenario, kind)) scenarios.push_back(std::move(scenario));
  }
  return scenarios;
}

// ---- What is printed ------------------------------------------------------------------------------------------------

using Cells = std::array<std::string, 7>;
constexpr std::size_t kMs = 5;  // the cell that is a number

std::string ms_text(double ms) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << ms;
  return text.str();
}

void print_table(const std::vector<Row>& rows, std::ostream& out) {
  std::vector<Cells> lines{{"scenario", "step", "sent", "expected", "got", "ms", "ok"}};
  for (const Row& row : rows)
    lines.push_back({row.scenario, row.step, row.sent, row.expected, row.got, ms_text(row.ms), row.ok ? "ok" : "NO"});
  std::array<std::size_t, std::tuple_size_v<Cells>> widths{};
  for (const Cells& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], line[i].size());
  for (const Cells& line : lines) {
    for (std::size_t i = 0; i + 1 < line.size(); ++i)
      out << (i == kMs ? std::right : std::left) << std::setw(static_cast<int>(widths[i])) << line[i] << "  ";
    out << line.back() << '\n';
  }
}

void print_json(const std::vector<Row>& rows, const Words& words, bool ok, std::ostream& out) {
  std::string text;
  put(text, R"({"kind":)", Quoted{words.kind}, R"(,"seed":)", words.seed, R"(,"ok":)", ok, R"(,"steps":[)");
  for (const Row& row : rows) {
    put(text, &row == rows.data() ? "\n" : ",\n", R"({"scenario":)", Quoted{row.scenario}, R"(,"step":)",
        Quoted{row.step}, R"(,"sent":)", Quoted{row.sent}, R"(,"expected":)", Quoted{row.expected}, R"(,"got":)",
        Quoted{row.got}, R"(,"ms":)", ms_text(row.ms), R"(,"ok":)", row.ok, "}");
  }
  out << text << "\n]}\n";
}

int report(const std::vector<Row>& rows, const Words& words, bool balances) {
  const auto deviations = std::count_if(rows.begin(), rows.end(), [](const Row& row) { return !row.ok; });
  if (words.json) {
    print_json(rows, words, deviations == 0, std::cout);
  } else {
    print_table(rows, std::cout);
    std::cout << rows.size() << " steps, " << deviations << " deviate; seed " << words.seed
              << (balances ? "" : "; balances were not looked at, which needs --api-key") << '\n';
  }
  return deviations == 0 ? 0 : kSimulateDeviates;
}

int simulate(const Words& words) {
  try {
    PlaySettings settings = settings_of(words);
    const std::vector<Scenario> scenarios = scenarios_of(words, settings.kind);
    const bool balances = settings.api.has_value();
    Player player(std::move(settings));
    std::vector<Row> rows;
    for (const Scenario& scenario : scenarios) {
      std::vector<Row> played = player.play(scenario);
      std::move(played.begin(), played.end(), std::back_inserter(rows));
    }
    return report(rows, words, balances);
  } catch (const std::runtime_error& error) {
    std::cerr << "holdfast simulate: " << error.what() << '\n';
    return kSimulateUnplayable;
  }
}

std::string list_of_scenarios() {
  std::string text = "Scenarios that come with holdfast:";
  for (const std::string_view name : shipped_scenarios())
    text.append(" ").append(name);
  return text + "\nExit status: 0 as expected, 1 something deviates, 2 it could not be played.";
}

}  // namespace

void add_simulate(CLI::App& app, int& status) {
  auto words = std::make_shared<Words>();
  auto* command = app.add_subcommand("simulate", "Play a card processor against a target, and check what it answers");
  command->footer(list_of_scenarios());
  command->add_option("--kind", words->kind, "Who is played")
      ->required()
      ->check(CLI::IsMember({"stripe", "lithic", "marqeta", "native"}));
  command->add_option("--target", words->target, "URL of the endpoint, or of the server alone")->required();
  command->add_option("--scenario", words->scenario, "File, name, or all that come with holdfast")
      ->capture_default_str();
  command->add_option("--endpoint", words->endpoint, "Name of the endpoint; else the last part of the target's path");
  command->add_option("--secret", words->secret, "env:NAME, file:PATH or the value: of signatures; native: the key");
  command->add_option("--secret-file", words->secret_file, "The same as --secret file:PATH");
  command->add_option("--username", words->username, "Marqeta's user name");
  command->add_option("--password", words->password, "Marqeta's password, as --secret");
  command->add_option("--api", words->api, "URL of the native interface, when it is not the target's server");
  command->add_option("--api-key", words->api_key, "Its key, as --secret: makes the cards and looks at balances");
  command->add_option("--card", words->cards, "NAME=ID: a card that is there, in the place of the scenario's");
  command->add_option("--chaos", words->chaos, "What goes wrong and must not change how it ends")
      ->delimiter(',')
      ->check(CLI::IsMember({"duplicate", "reorder", "drop-connection", "split", "replay", "all"}));
  command->add_option("--seed", words->seed, "Of what is left to chance")->capture_default_str();
  command->add_option("--rate", words->rate, "Most messages a second; 0: no bound")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--connections", words->connections, "Of what happens at once")
      ->check(CLI::Range(1U, kConnectionsMax))
      ->capture_default_str();
  command->add_flag("--json", words->json, "Print one JSON object");
  command->callback([words, &status] { status = simulate(*words); });
}

}  // namespace holdfast
