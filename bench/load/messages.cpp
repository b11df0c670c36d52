#include "bench/load/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <stdexcept>

namespace holdfast::load {
namespace {

using net::simulator::Happening;
using net::simulator::Message;
using net::simulator::PaymentEvent;
using net::simulator::Verdict;
using net::simulator::WireForm;

engine::Instant wall_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

// Declines that no check gave: they do not wait for a disk, and some are not remembered.
bool is_for_now(const WireForm& form, std::string_view word) {
  constexpr std::array kReasons = {engine::Reason::overloaded, engine::Reason::deadline_exceeded,
                                   engine::Reason::storage_unavailable};
  return std::any_of(kReasons.begin(), kReasons.end(),
                     [&](engine::Reason reason) { return form.is_word_for(word, reason); });
}

}  // namespace

Messages::Messages(const Speech& speech) : speech_(speech) {
  std::string problem;
  form_ = net::simulator::make_wire_form(speech.kind, speech.credentials, problem);
  if (form_ == nullptr) throw std::invalid_argument(problem);
  payment_.currency = *engine::currency_from_alpha("USD");
}

void Messages::compose(const Purchase& purchase) {
  payment_.id.clear();
  fmt::format_to(std::back_inserter(payment_.id), "{}-{:x}", speech_.run, purchase.number);
  payment_.card = speech_.cards[purchase.card];
  payment_.merchant = *purchase.merchant;
  payment_.events.resize(1);
  PaymentEvent& event = payment_.events.front();
  event = {};
  event.id = payment_.id;
  event.id += "-a";
  event.amount = purchase.amount;
  event.at = wall_now();
}

void Messages::append(std::string& out, const Message& message) const {
  append_request(out, "POST", message.path.empty() ? speech_.path : message.path, speech_.host, message.headers,
                 message.body);
}

void Messages::ask(std::string& out, const Purchase& purchase) {
  compose(purchase);
  form_->ask(message_, payment_, payment_.last().at);
  append(out, message_);
}

Reply Messages::read(const Purchase& purchase, const HttpAnswer& answer) {
  if (answer.status >= 500) return {};
  compose(purchase);
  const net::simulator::Answer read = form_->read(payment_, answer.status, answer.body);
  if (!read.problem.empty()) return {Outcome::refused};
  if (read.approved) return {Outcome::approved, read.approved_amount};
  return {is_for_now(*form_, read.reason) ? Outcome::declined_for_now : Outcome::declined};
}

void Messages::tell(std::vector<std::string>& out, Movement movement, const Purchase& purchase) {
  compose(purchase);
  payment_.events.front().verdict = Verdict::approved;
  PaymentEvent event;
  event.what = movement == Movement::capture ? Happening::capture : Happening::reverse;
  event.id = payment_.id + "-f";
  event.amount = purchase.amount;
  event.at = payment_.last().at;
  payment_.events.push_back(event);
  std::vector<Message> messages;
  form_->tell(messages, payment_, event.at);
  for (const Message& message : messages)
    append(out.emplace_back(), message);
}

Outcome acknowledged(const HttpAnswer& answer) {
  if (answer.status >= 500) return Outcome::unavailable;
  return answer.status < 300 ? Outcome::approved : Outcome::refused;
}

}  // namespace holdfast::load
