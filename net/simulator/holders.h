// The cards and budgets that a scenario is played with: made in a Holdfast over its native interface and read back from
// it, or only named when there is no key for that.
//
// Threads: one at a time.
// Errors: Unplayable, when the interface does not do what it is asked; Unreachable.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "net/json_document.h"
#include "net/simulator/connection.h"
#include "net/simulator/scenario.h"

namespace holdfast::net::simulator {

class Unplayable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What the interface shows of a card or budget.
struct ShownBalance {
  engine::Minor held = 0;
  engine::Minor posted = 0;
  engine::Minor remaining = 0;
  bool over_limit = false;
};

class Holders {
 public:
  // Of the native interface; without a key nothing is made.
  struct Access {
    Url url;
    std::string key;
  };

  // `endpoint`: that cards are bound to; empty: to none, they are paid with by the native interface.
  // `run`: distinguishes the names of this run's cards from those of every other.
  Holders(std::optional<Access> access, std::string endpoint, std::string run);

  void make(const std::vector<Holder>& holders, const std::map<std::string, std::string>& given_cards);
  // What the processor calls the card.
  std::string_view card_reference(const std::string& name) const { return references_.at(name); }
  // Only of what was made here.
  bool can_be_read(const std::string& name) const { return paths_.contains(name); }
  ShownBalance balance(const std::string& name);

 private:
  std::string make_one(const Holder& holder, std::string_view card_id);
  HttpReply call(std::string_view method, const std::string& path, std::string_view body);

  std::optional<Connection> connection_;
  std::string headers_;
  std::string endpoint_;
  std::string run_;
  std::map<std::string, std::string> references_;
  std::map<std::string, std::string> paths_;  // of the holders made here, by name
  JsonDocument document_;
};

}  // namespace holdfast::net::simulator
