#include "net/http_framing.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/net/http_hostile_requests.h"

namespace holdfast::net {
namespace {

using std::string;
using std::string_view;
using State = HttpFraming::State;

const HttpLimits kLimits;

struct Verdict {
  State state = State::incomplete;
  int status = 0;  // of the refusal
  Method method = Method::other;
  bool close = false;
  bool expects_continue = false;
  string path;
  string query;
  std::vector<std::pair<string, string>> headers;
  std::size_t head_bytes = 0;
  std::size_t body_bytes = 0;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

std::ostream& operator<<(std::ostream& out, const Verdict& v) {
  return out << "state " << static_cast<int>(v.state) << ", status " << v.status << ", " << v.path << '?' << v.query
             << ", " << v.headers.size() << " headers, " << v.head_bytes << " + " << v.body_bytes << " bytes";
}

Verdict verdict_of(const HttpFraming& framing) {
  Verdict verdict;
  verdict.state = framing.state();
  if (verdict.state == State::refused) verdict.status = refusal_answer(framing.refusal()).status;
  if (verdict.state != State::complete) return verdict;
  const RequestHead& head = framing.head();
  verdict.method = head.method;
  verdict.close = head.close;
  verdict.expects_continue = head.expects_continue;
  verdict.path = head.path;
  verdict.query = head.query;
  for (const HeaderView& header : head.headers)
    verdict.headers.emplace_back(header.name, header.value);
  verdict.head_bytes = head.head_bytes;
  verdict.body_bytes = head.body_bytes;
  return verdict;
}

// Gives `bytes` in pieces that end at each of `cuts` and at the end. Each time the bytes stand in fresh memory of
// exactly their size, so that a read beyond them, or of an earlier place, is an error that the sanitizer sees.
Verdict read_in_pieces(string_view bytes, const std::vector<std::size_t>& cuts) {
  HttpFraming framing(kLimits.header_bytes_max, kLimits.body_bytes_max);
  std::unique_ptr<char[]> place;
  const auto give = [&](std::size_t size) {
    auto fresh = std::make_unique<char[]>(size);
    std::memcpy(fresh.get(), bytes.data(), size);
    if (place) framing.moved(place.get(), fresh.get());
    place = std::move(fresh);
    framing.advance({place.get(), size});
  };
  for (const std::size_t cut : cuts)
    give(cut);
  give(bytes.size());
  return verdict_of(framing);
}

Verdict read_whole(string_view bytes) {
  return read_in_pieces(bytes, {});
}

Verdict read_bytewise(string_view bytes) {
  std::vector<std::size_t> cuts;
  for (std::size_t cut = 1; cut < bytes.size(); ++cut)
    cuts.push_back(cut);
  return read_in_pieces(bytes, cuts);
}

const string kPost =
    "POST /webhooks/stripe-main?try=1&x=%20 HTTP/1.1\r\nHost: api.example.com:8080\r\nUser-Agent: M\xc3\xb6ller/1.0\r\n"
    "Content-Length: 11\r\nExpect: 100-Continue\r\nX-Empty:\r\nX-Spaced: \t a b\t \r\nConnection: keep-alive, close\r\n"
    "Stripe-Signature: t=1,v1=ab\r\n\r\nhello world";

TEST(HttpFramingTest, ReadsEveryPartOfARequest) {
  const Verdict verdict = read_whole(kPost);
  EXPECT_EQ(verdict.state, State::complete);
  EXPECT_EQ(verdict.method, Method::post);
  EXPECT_EQ(verdict.path, "/webhooks/stripe-main");
  EXPECT_EQ(verdict.query, "try=1&x=%20");
  EXPECT_EQ(verdict.body_bytes, 11U);
  EXPECT_EQ(verdict.head_bytes, kPost.size() - 11);
  EXPECT_TRUE(verdict.expects_continue);
  EXPECT_TRUE(verdict.close);
  const std::vector<std::pair<string, string>> headers = {{"Host", "api.example.com:8080"},
                                                          {"User-Agent", "M\xc3\xb6ller/1.0"},
                                                          {"Content-Length", "11"},
                                                          {"Expect", "100-Continue"},
                                                          {"X-Empty", ""},
                                                          {"X-Spaced", "a b"},
                                                          {"Connection", "keep-alive, close"},
                                                          {"Stripe-Signature", "t=1,v1=ab"}};
  EXPECT_EQ(verdict.headers, headers);
}

struct Accepted {
  string bytes;
  Method method;
  std::size_t body_bytes;
};

TEST(HttpFramingTest, AcceptsWhatIsInOrder) {
  const std::vector<Accepted> rows = {
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", Method::get, 0},
      {"GET /?a?b HTTP/1.1\r\nHost: h\r\n\r\n", Method::get, 0},
      {"GET //a/../b HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", Method::get, 0},
      {"GET / HTTP/1.1\r\nhOST: h\r\nContent-Length: 0\r\n\r\n", Method::get, 0},
      {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n", Method::get, 3},
      {"DELETE /a HTTP/1.1\r\nHost: h\r\n\r\n", Method::del, 0},
      {"PATCH /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n", Method::patch, 2},
      {"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", Method::post, 0},
      {"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length:  7 \r\n\r\n", Method::post, 7},
      {"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 262144\r\n\r\n", Method::post, 262'144},
      {"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n", Method::other, 1},
      {"get / HTTP/1.1\r\nHost: h\r\n\r\n", Method::other, 0},
      {"BREW / HTTP/1.1\r\nHost: h\r\n\r\n", Method::other, 0},
      {many_headers(kHeadersMax), Method::get, 0},
  };
  for (const Accepted& row : rows) {
    const Verdict verdict = read_whole(row.bytes);
    EXPECT_EQ(verdict.state, State::complete) << row.bytes;
    EXPECT_EQ(verdict.method, row.method) << row.bytes;
    EXPECT_EQ(verdict.body_bytes, row.body_bytes) << row.bytes;
    EXPECT_EQ(verdict.head_bytes, row.bytes.size()) << row.bytes;
  }
}

TEST(HttpFramingTest, RefusesHostileRequests) {
  for (const HostileRequest& row : hostile_requests()) {
    const Verdict verdict = read_whole(row.bytes);
    EXPECT_EQ(verdict.state, State::refused) << row.name;
    EXPECT_EQ(verdict.status, row.status) << row.name;
  }
}

TEST(HttpFramingTest, RefusesHostileRequestsAlikeByteByByte) {
  for (const HostileRequest& row : hostile_requests()) {
    const string bytes = row.bytes.substr(0, 10'000);
    EXPECT_EQ(read_bytewise(bytes), read_whole(bytes)) << row.name;
  }
}

TEST(HttpFramingTest, RefusesHostileRequestsAlikeWithARequestBehindThem) {
  for (const HostileRequest& row : hostile_requests()) {
    const string bytes = row.bytes + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
    EXPECT_EQ(read_whole(bytes), read_whole(row.bytes)) << row.name;
  }
}

TEST(HttpFramingTest, SaysTheSameHoweverTheBytesAreCutInTwo) {
  const Verdict whole = read_whole(kPost);
  for (std::size_t cut = 1; cut < kPost.size(); ++cut)
    EXPECT_EQ(read_in_pieces(kPost, {cut}), whole) << cut;
}

TEST(HttpFramingTest, SaysTheSameByteByByte) {
  EXPECT_EQ(read_bytewise(kPost), read_whole(kPost));
}

TEST(HttpFramingTest, IsIncompleteUntilTheLastByteOfTheHead) {
  const string head = kPost.substr(0, kPost.size() - 11);
  for (std::size_t size = 0; size < head.size(); ++size) {
    EXPECT_EQ(read_whole(head.substr(0, size)).state, State::incomplete) << size;
  }
  EXPECT_EQ(read_whole(head).state, State::complete);
}

TEST(HttpFramingTest, RefusesAsSoonAsALineIsWrong) {
  EXPECT_EQ(read_whole("GET / HTTP/1.0\r\n").status, 505);
  EXPECT_EQ(read_whole("GET / HTTP/1.1\r\n ").state, State::incomplete);
  EXPECT_EQ(read_whole("GET / HTTP/1.1\r\n a\r\n").status, 400);
  EXPECT_EQ(read_whole("\x16").status, 400);
}

// Request line and headers of exactly `bytes`.
string head_of_size(std::size_t bytes) {
  const string begin = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  return begin + string(bytes - begin.size() - 4, 'a') + "\r\n\r\n";
}

TEST(HttpFramingTest, AcceptsAHeadOfExactlyTheLimit) {
  EXPECT_EQ(read_whole(head_of_size(kLimits.header_bytes_max)).state, State::complete);
  EXPECT_EQ(read_whole(head_of_size(kLimits.header_bytes_max) + "next").state, State::complete);
}

TEST(HttpFramingTest, RefusesAHeadOneByteBeyondTheLimit) {
  const string bytes = head_of_size(kLimits.header_bytes_max + 1);
  EXPECT_EQ(read_whole(bytes).status, 431);
  EXPECT_EQ(read_whole(bytes.substr(0, kLimits.header_bytes_max)).status, 431);
  EXPECT_EQ(read_whole(bytes.substr(0, kLimits.header_bytes_max - 1)).state, State::incomplete);
}

TEST(HttpFramingTest, StartsAfreshForTheNextRequest) {
  HttpFraming framing(kLimits.header_bytes_max, kLimits.body_bytes_max);
  framing.advance(kPost);
  ASSERT_EQ(framing.state(), State::complete);
  framing.restart();
  framing.advance("GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(framing.state(), State::complete);
  const Verdict verdict = verdict_of(framing);
  EXPECT_EQ(verdict, read_whole("GET /b HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_FALSE(verdict.close);
}

TEST(HttpFramingTest, TellsAHeadRequest) {
  HttpFraming framing(kLimits.header_bytes_max, kLimits.body_bytes_max);
  framing.advance("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(framing.state(), State::complete);
  EXPECT_TRUE(framing.head().is_head);
}

TEST(HttpRefusalTest, EveryRefusalSaysWhatIsWrong) {
  for (std::size_t row = 1; row < kRefusals; ++row) {
    const RefusalAnswer& answer = refusal_answer(static_cast<Refusal>(row));
    EXPECT_GE(answer.status, 400);
    EXPECT_FALSE(answer.code.empty());
    EXPECT_FALSE(answer.title.empty());
    EXPECT_TRUE(answer.detail.ends_with('.')) << answer.detail;
  }
}

TEST(HttpCountersTest, EveryCounterHasItsName) {
  for (std::size_t row = 0; row < kHttpCounts; ++row) {
    EXPECT_FALSE(http_count_name(static_cast<HttpCount>(row)).empty());
  }
  EXPECT_EQ(http_count_name(HttpCount::bad_framing), "bad_framing");
  EXPECT_EQ(http_count_name(HttpCount::peer_disconnected), "peer_disconnected");
}

}  // namespace
}  // namespace holdfast::net
