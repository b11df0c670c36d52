#include "bench/load/bank.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>

namespace holdfast::load {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kUnderWay = 16;  // half of what a daemon reads ahead

simdjson::dom::element parse(simdjson::dom::parser& parser, std::string_view json) {
  simdjson::dom::element element;
  if (parser.parse(json.data(), json.size()).get(element) != simdjson::SUCCESS)
    throw std::runtime_error(fmt::format("the target's answer is not JSON: {}", json.substr(0, 200)));
  return element;
}

template <class Value>
Value member(simdjson::dom::element element, std::string_view pointer) {
  Value value;
  if (element.at_pointer(pointer).get(value) != simdjson::SUCCESS)
    throw std::runtime_error(fmt::format("the target's answer has no {}", pointer));
  return value;
}

}  // namespace

Bank::Bank(const asio::ip::tcp::endpoint& target, std::string host, std::string_view key)
    : host_(std::move(host)),
      headers_(fmt::format("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", key)) {
  socket_.connect(target);
  socket_.set_option(asio::ip::tcp::no_delay(true));
}

void Bank::call(std::size_t count, const std::function<std::string(std::size_t)>& request, int expected_status,
                const std::function<void(std::size_t, std::string_view)>& answered) {
  std::size_t asked = 0;
  for (std::size_t done = 0; done < count;) {
    std::string batch;
    for (; asked < std::min(count, done + kUnderWay); ++asked)
      batch += request(asked);
    asio::write(socket_, asio::buffer(batch));
    for (; done < asked; ++done)
      read_next(expected_status, [&](std::string_view body) { answered(done, body); });
  }
}

void Bank::read_next(int expected_status, const std::function<void(std::string_view)>& answered) {
  HttpAnswer answer;
  for (;;) {
    const Framing framing = read_answer(received_, answer);
    if (framing == Framing::complete) break;
    if (framing == Framing::malformed) throw std::runtime_error("the target's answer is not one of HTTP/1.1");
    std::array<char, 16384> bytes;
    received_.append(bytes.data(), socket_.read_some(asio::buffer(bytes)));
  }
  if (answer.status != expected_status)
    throw std::runtime_error(fmt::format("the target answered {} {}", answer.status, answer.body.substr(0, 400)));
  answered(answer.body);
  received_.erase(0, answer.length);
}

std::string Bank::reference(std::string_view run, std::size_t place) {
  return fmt::format("{}-card-{}", run, place);
}

std::vector<std::string> Bank::make_cards(std::size_t count, std::string_view limit_usd, std::string_view run,
                                          std::string_view endpoint) {
  std::vector<std::string> ids(count);
  simdjson::dom::parser parser;
  call(
      count,
      [&](std::size_t place) {
        std::string body = fmt::format(R"({{"label":"load {} {}","limit_usd":"{}")", run, place, limit_usd);
        if (!endpoint.empty()) {
          body += fmt::format(R"(,"processor":{{"endpoint":"{}","card_id":"{}"}})", endpoint, reference(run, place));
        }
        body += '}';
        std::string text;
        append_request(text, "POST", "/api/v1/cards", host_, headers_, body);
        return text;
      },
      201,
      [&](std::size_t place, std::string_view json) {
        ids[place] = member<std::string_view>(parse(parser, json), "/id");
      });
  return ids;
}

std::vector<Balance> Bank::balances(const std::vector<std::string>& cards) {
  std::vector<Balance> balances(cards.size());
  simdjson::dom::parser parser;
  call(
      cards.size(),
      [&](std::size_t place) {
        std::string text;
        append_request(text, "GET", "/api/v1/cards/" + cards[place], host_, headers_, {});
        return text;
      },
      200,
      [&](std::size_t place, std::string_view json) {
        const auto card = parse(parser, json);
        balances[place] = {member<std::int64_t>(card, "/limits/0/held"),
                           member<std::int64_t>(card, "/limits/0/posted")};
      });
  return balances;
}

}  // namespace holdfast::load
