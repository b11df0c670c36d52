#include "bench/load/answer.h"

#include <gtest/gtest.h>

namespace holdfast::load {
namespace {

constexpr std::string_view kAnswer =
    "HTTP/1.1 402 Payment Required\r\nX-Request-Id: 1\r\nCONTENT-LENGTH:  4\r\nConnection: Close\r\n\r\nbody";

TEST(ReadAnswer, IsCompleteWithItsLastByteAndNotBefore) {
  HttpAnswer answer;
  for (std::size_t size = 0; size < kAnswer.size(); ++size)
    ASSERT_EQ(read_answer(kAnswer.substr(0, size), answer), Framing::incomplete) << size;
  const std::string two = std::string(kAnswer) + std::string(kAnswer);
  ASSERT_EQ(read_answer(two, answer), Framing::complete);
  EXPECT_EQ(answer.status, 402);
  EXPECT_EQ(answer.body, "body");
  EXPECT_EQ(answer.length, kAnswer.size());
  EXPECT_TRUE(answer.closes);
}

TEST(ReadAnswer, AnEmptyBodyIsOne) {
  HttpAnswer answer;
  ASSERT_EQ(read_answer("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", answer), Framing::complete);
  EXPECT_EQ(answer.body, "");
  EXPECT_FALSE(answer.closes);
}

TEST(ReadAnswer, WhatHasNoEndThatCouldBeToldIsMalformed) {
  HttpAnswer answer;
  for (const std::string_view text :
       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"})
    EXPECT_EQ(read_answer(text, answer), Framing::malformed) << text;
}

TEST(AppendRequest, AddsWhatTheConnectionNeeds) {
  std::string text;
  append_request(text, "POST", "/x", "h:1", "A: b\r\n", "{}");
  EXPECT_EQ(text, "POST /x HTTP/1.1\r\nHost: h:1\r\nA: b\r\nContent-Length: 2\r\n\r\n{}");
  text.clear();
  append_request(text, "GET", "/x", "h:1", "", "");
  EXPECT_EQ(text, "GET /x HTTP/1.1\r\nHost: h:1\r\n\r\n");
}

}  // namespace
}  // namespace holdfast::load
