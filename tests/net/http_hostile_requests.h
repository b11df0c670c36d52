// Requests that must never be read as more than one refused request: smuggling corpora, and each rule's plain
// violation.
//
// Threads: constants.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http_limits.h"

namespace holdfast::net {

struct HostileRequest {
  std::string name;
  std::string bytes;
  int status;
};

inline std::string many_headers(std::size_t count) {
  std::string out = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (std::size_t i = 1; i < count; ++i)
    out += "X-" + std::to_string(i) + ": v\r\n";
  return out + "\r\n";
}

inline std::vector<HostileRequest> hostile_requests() {
  using std::string;
  const string get = "GET / HTTP/1.1\r\nHost: h\r\n";
  const string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  const string nul(1, '\0');
  return {
      // Where the body ends: Transfer-Encoding.
      {"ChunkedOnly", post + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
      {"ClTe", post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", 411},
      {"TeCl", post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST", 411},
      {"TeTe", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n", 411},
      {"TeTwiceChunked", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
      {"TeUnknown", post + "Transfer-Encoding: xchunked\r\n\r\nhello", 411},
      {"TeIdentity", post + "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", 411},
      {"TeChunkedIdentity", post + "Transfer-Encoding: chunked, identity\r\n\r\nhello", 411},
      {"TeEmpty", post + "Transfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello", 411},
      {"TeTab", post + "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n", 411},
      {"TeQuoted", post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 411},
      {"TeUpperCase", post + "TRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n", 411},
      {"TeOnGet", get + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
      {"TeChunkExtension", post + "Transfer-Encoding: chunked\r\n\r\n5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", 411},
      {"TeSpaceBeforeColon", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
      {"TeFoldedValue", post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
      {"TeBehindBareLf", post + "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"TeVerticalTab", post + "Transfer-Encoding: \x0b" + "chunked\r\n\r\n0\r\n\r\n", 400},
      {"TeNulInName", post + "Transfer-Encoding" + nul + ": chunked\r\n\r\n0\r\n\r\n", 400},
      {"TeUnderscoreAndNoLength", post + "Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
      {"Http10Chunked", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 505},

      // Where the body ends: Content-Length.
      {"Cl0PostWithoutLength", post + "\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", 411},
      {"PatchWithoutLength", "PATCH / HTTP/1.1\r\nHost: h\r\n\r\n", 411},
      {"ClTwiceEqual", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
      {"ClTwiceDifferent", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400},
      {"ClTwiceOnGet", get + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400},
      {"ClListEqual", post + "Content-Length: 5, 5\r\n\r\nhello", 400},
      {"ClListTight", post + "Content-Length: 5,5\r\n\r\nhello", 400},
      {"ClTrailingComma", post + "Content-Length: 5,\r\n\r\nhello", 400},
      {"ClPlus", post + "Content-Length: +5\r\n\r\nhello", 400},
      {"ClMinus", post + "Content-Length: -5\r\n\r\nhello", 400},
      {"ClMinusZero", get + "Content-Length: -0\r\n\r\n", 400},
      {"ClHex", post + "Content-Length: 0x5\r\n\r\nhello", 400},
      {"ClDecimalPoint", post + "Content-Length: 5.0\r\n\r\nhello", 400},
      {"ClExponent", post + "Content-Length: 1e1\r\n\r\nhellohello", 400},
      {"ClUnderscore", post + "Content-Length: 1_0\r\n\r\nhellohello", 400},
      {"ClInnerSpace", post + "Content-Length: 1 0\r\n\r\nhellohello", 400},
      {"ClQuoted", post + "Content-Length: \"5\"\r\n\r\nhello", 400},
      {"ClLetters", post + "Content-Length: five\r\n\r\nhello", 400},
      {"ClFollowedByLetter", post + "Content-Length: 5a\r\n\r\nhello", 400},
      {"ClEmpty", post + "Content-Length:\r\n\r\n", 400},
      {"ClBlank", post + "Content-Length:   \r\n\r\n", 400},
      {"ClLeadingZero", post + "Content-Length: 05\r\n\r\nhello", 400},
      {"ClBeyond64Bits", post + "Content-Length: 18446744073709551621\r\n\r\nhello", 400},
      {"ClBeyond32Bits", post + "Content-Length: 4294967301\r\n\r\nhello", 413},
      {"ClSevenDigits", post + "Content-Length: 1000000\r\n\r\n", 413},
      {"ClNonAsciiDigit", post + "Content-Length: \xd9\xa5\r\n\r\nhello", 400},
      {"ClSpaceBeforeColon", post + "Content-Length : 5\r\n\r\nhello", 400},
      {"ClFolded", post + "Content-Length: 5\r\n 0\r\n\r\nhello", 400},
      {"ClNulBehind", post + "Content-Length: 5" + nul + "\r\n\r\nhello", 400},

      // Host.
      {"HostAbsent", "GET / HTTP/1.1\r\n\r\n", 400},
      {"HostTwice", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400},
      {"HostTwiceInOtherCase", "GET / HTTP/1.1\r\nHost: h\r\nhost: i\r\n\r\n", 400},
      {"HostEmpty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"HostList", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
      {"HostWithUser", "GET / HTTP/1.1\r\nHost: user@h\r\n\r\n", 400},
      {"HostWithPath", "GET / HTTP/1.1\r\nHost: h/path\r\n\r\n", 400},
      {"HostNonAscii", "GET / HTTP/1.1\r\nHost: h\xc3\xa9\r\n\r\n", 400},

      // Version.
      {"Http10", "GET / HTTP/1.0\r\nHost: h\r\n\r\n", 505},
      {"Http10WithoutHost", "GET / HTTP/1.0\r\n\r\n", 505},
      {"Http12", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
      {"Http20", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"Http09", "GET /\r\n", 400},
      {"VersionLowerCase", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
      {"VersionWithoutMinor", "GET / HTTP/1\r\nHost: h\r\n\r\n", 400},
      {"VersionLongMinor", "GET / HTTP/1.10\r\nHost: h\r\n\r\n", 400},
      {"VersionOtherProtocol", "GET / ICAP/1.1\r\nHost: h\r\n\r\n", 400},
      {"VersionTrailingSpace", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400},

      // Request line.
      {"EmptyLineFirst", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"BareLfFirst", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"SpaceFirst", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"NoSpaces", "GET\r\nHost: h\r\n\r\n", 400},
      {"TwoSpaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"TwoSpacesBeforeVersion", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"TabForSpace", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"SpaceInTarget", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"TwoRequestLinesInOne", "GET / HTTP/1.1 GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"MethodNotAToken", "GE(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"MethodEmpty", " / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"AbsoluteForm", "GET http://other/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"AuthorityForm", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"Asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"RelativeTarget", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"Fragment", "GET /#a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"TargetNonAscii", "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"TargetByteFF", "GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"TargetNul", "GET /" + nul + " HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"TargetDel", "GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"TargetEscapeSequence", "GET /\x1b[2J HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"TlsClientHello", string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9), 400},
      {"SshBanner", "SSH-2.0-OpenSSH_9.2\r\n", 400},

      // Headers.
      {"FoldedWithSpace", get + "X: a\r\n b\r\n\r\n", 400},
      {"FoldedWithTab", get + "X: a\r\n\tb\r\n\r\n", 400},
      {"FoldedFirst", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
      {"BlankLineOfSpaces", get + " \r\n\r\n", 400},
      {"BareLfEverywhere", "GET / HTTP/1.1\nHost: h\n\n", 400},
      {"BareLfBehindRequestLine", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
      {"BareLfBehindHeader", "GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
      {"BareLfAsLastLine", get + "\n", 400},
      {"BareCrInValue", get + "X: a\rb\r\n\r\n", 400},
      {"BareCrAsLineEnd", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400},
      {"CrCrLf", get + "X: a\r\r\n\r\n", 400},
      {"CrAsLastLine", get + "\rX: a\r\n\r\n", 400},
      {"NulInValue", get + "X: a" + nul + "b\r\n\r\n", 400},
      {"NulInName", get + "X" + nul + ": a\r\n\r\n", 400},
      {"BellInValue", get + "X: a\ab\r\n\r\n", 400},
      {"DelInValue", get + "X: a\x7f\r\n\r\n", 400},
      {"NoColon", get + "X\r\n\r\n", 400},
      {"NameEmpty", get + ": a\r\n\r\n", 400},
      {"NameWithSpace", get + "X Y: a\r\n\r\n", 400},
      {"NameSpaceBeforeColon", get + "X : a\r\n\r\n", 400},
      {"NameTabBeforeColon", get + "X\t: a\r\n\r\n", 400},
      {"NameNonAscii", get + "X\xc3\xa9: a\r\n\r\n", 400},
      {"NameQuoted", get + "\"X\": a\r\n\r\n", 400},

      // What is not offered.
      {"Upgrade", get + "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 400},
      {"UpgradeWithoutConnection", get + "Upgrade: websocket\r\n\r\n", 400},
      {"Gzip", post + "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", 415},
      {"EncodingIdentity", post + "Content-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", 415},
      {"ExpectOther", post + "Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello", 417},
      {"ExpectList", post + "Expect: 100-continue, x\r\nContent-Length: 5\r\n\r\nhello", 417},
      {"ExpectEmpty", post + "Expect:\r\nContent-Length: 5\r\n\r\nhello", 417},

      // Size.
      {"TargetLongerThanHeaders", "GET /" + string(9'000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 431},
      {"TargetWithoutEnd", "GET /" + string(70'000, 'a'), 431},
      {"OneLongHeader", get + "X: " + string(9'000, 'a') + "\r\n\r\n", 431},
      {"HeaderWithoutEnd", get + "X: " + string(70'000, 'a'), 431},
      {"SixtyFiveHeaders", many_headers(kHeadersMax + 1), 431},
      {"BodyOneByteTooLarge", post + "Content-Length: 262145\r\n\r\n", 413},
      {"BodyTooLargeThoughExpected", post + "Expect: 100-continue\r\nContent-Length: 262145\r\n\r\n", 413},
  };
}

}  // namespace holdfast::net
