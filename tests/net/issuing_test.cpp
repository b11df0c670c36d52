#include "net/issuing.h"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstring>
#include <memory>
#include <new>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "net/json_document.h"

namespace holdfast::net {
namespace {

using engine::Key128;
using std::string;
using std::string_view;

std::array<std::byte, 32> secret(unsigned char fill = 7) {
  std::array<std::byte, 32> bytes;
  bytes.fill(std::byte{fill});
  return bytes;
}

CardIssuer issuer(string_view bin = "400000", unsigned char fill = 7) {
  auto made = CardIssuer::make(secret(fill), bin);
  EXPECT_TRUE(made.has_value());
  return *made;
}

constexpr Expiry kExpiry{.month = 11, .year = 2029};

// What must not compile: a number or a verification value on its way to a log.
template <class T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};
template <class T>
concept RevealableAsTemporary = requires(T value) {
  std::move(value).reveal();
};
template <class T>
concept Comparable = requires(const T& a, const T& b) {
  a == b;
};
template <class T>
constexpr bool kSealed =
    !Streamable<T> && !fmt::is_formattable<T>::value && !Comparable<T> && !std::is_convertible_v<T, string> &&
    !std::is_convertible_v<T, string_view> && !RevealableAsTemporary<T> && !std::is_default_constructible_v<T>;
static_assert(kSealed<CardNumber>);
static_assert(kSealed<Cvv>);
static_assert(Streamable<string> && fmt::is_formattable<string>::value && Comparable<string>, "the checks can fail");

struct Vector {
  string_view bin;
  std::uint8_t attempt;
  string_view number;
  string_view cvv;
  Key128 hash;
};

// Made by a separate program from the description of the derivation: subkeys HMAC(secret, purpose), the number's digits
// the low ones of the first eight bytes of HMAC(subkey, id and attempt), big-endian.
constexpr Key128 kCard{0x0199'AABB'CCDD'EEFF, 0x0011'2233'4455'6677};
constexpr std::array<Vector, 4> kVectors = {{
    {"400000", 0, "4000003339089456", "405", {0xC930'4FF8'A902'6975, 0x7322'6644'07F3'3205}},
    {"40000012", 0, "4000001239089451", "895", {0x4491'FD38'4E8D'17D8, 0x4040'2FDF'EB41'6226}},
    {"400000", 1, "4000001246207005", "710", {0x88A6'57CC'2E70'1D29, 0x7C6B'A4DC'ADD7'13B2}},
    {"400000", 255, "4000008399597389", "264", {0xCE2F'5A97'D2FE'C2EB, 0x4C75'6408'4B2B'D766}},
}};

TEST(CardIssuer, DerivesWhatItAlwaysDerived) {
  for (const Vector& vector : kVectors) {
    const CardIssuer made = issuer(vector.bin);
    const CardNumber number = made.number(kCard, vector.attempt);
    EXPECT_EQ(number.reveal(), vector.number);
    const Cvv cvv = made.cvv(number, kExpiry);
    EXPECT_EQ(cvv.reveal(), vector.cvv);
    EXPECT_EQ(made.number_hash(number), vector.hash);
    EXPECT_EQ(last4(number), vector.number.substr(12));
  }
}

TEST(CardIssuer, TakesSixToEightDigitsOfPrefix) {
  for (const string_view bin : {"400000", "4000001", "40000012"}) {
    ASSERT_TRUE(CardIssuer::make(secret(), bin).has_value());
    const CardNumber number = issuer(bin).number(kCard, 0);
    EXPECT_TRUE(number.reveal().starts_with(bin));
    EXPECT_TRUE(luhn_valid(number.reveal()));
  }
  for (const string_view bin : {"", "40000", "400000123", "40000x", "40000 ", "-40000"}) {
    EXPECT_FALSE(CardIssuer::make(secret(), bin).has_value()) << bin;
  }
}

TEST(CardIssuer, GivesOtherNumbersForOtherInputs) {
  const CardNumber number = issuer().number(kCard, 0);
  std::set<string> seen = {string(number.reveal())};
  const auto add = [&seen](const CardNumber& other) { EXPECT_TRUE(seen.insert(string(other.reveal())).second); };
  add(issuer().number(kCard, 1));
  add(issuer().number({kCard.hi, kCard.lo + 1}, 0));
  add(issuer().number({kCard.hi + 1, kCard.lo}, 0));
  add(issuer().number({kCard.lo, kCard.hi}, 0));
  add(issuer("400001").number(kCard, 0));
  add(issuer("400000", 8).number(kCard, 0));
}

// As whoever creates cards does it: the next attempt while the number is taken.
TEST(CardIssuer, NumbersAHundredThousandCardsWithoutARepeat) {
  for (const string_view bin : {"400000", "40000012"}) {
    const CardIssuer made = issuer(bin);
    std::set<Key128> taken;
    std::set<string> numbers;
    int attempts_max = 0;
    for (std::uint64_t card = 0; card < 100'000; ++card) {
      std::uint8_t attempt = 0;
      while (!taken.insert(made.number_hash(made.number({1, card}, attempt))).second)
        ++attempt;
      attempts_max = std::max<int>(attempts_max, attempt);
      const CardNumber number = made.number({1, card}, attempt);
      ASSERT_TRUE(luhn_valid(number.reveal()));
      ASSERT_TRUE(number.reveal().starts_with(bin));
      ASSERT_TRUE(numbers.insert(string(number.reveal())).second);
    }
    EXPECT_EQ(numbers.size(), 100'000U);
    EXPECT_LE(attempts_max, 5) << "a crowded range would take many";
  }
}

TEST(CardIssuer, SpreadsEveryDigitEvenly) {
  const CardIssuer made = issuer();
  std::array<std::array<int, 10>, 16> counts{};
  constexpr int kCards = 20'000;
  for (std::uint64_t card = 0; card < kCards; ++card) {
    const CardNumber number = made.number({2, card}, 0);
    for (std::size_t at = 0; at < 16; ++at)
      ++counts[at][static_cast<std::size_t>(number.reveal()[at] - '0')];
  }
  for (std::size_t at = 6; at < 16; ++at) {
    for (const int count : counts[at])
      EXPECT_NEAR(count, kCards / 10, 250) << at;  // six standard deviations
  }
}

TEST(CardIssuer, FindsANumberAgainWhateverThePrefixIsNow) {
  const CardNumber number = issuer("400000").number(kCard, 0);
  EXPECT_EQ(issuer("400000").number_hash(number), issuer("41111111").number_hash(number));
  EXPECT_NE(issuer("400000").number_hash(number), issuer("400000", 8).number_hash(number));
}

TEST(CardIssuer, ChecksVerificationValues) {
  const CardIssuer made = issuer();
  const CardNumber number = made.number(kCard, 0);
  const Cvv cvv = made.cvv(number, kExpiry);
  EXPECT_TRUE(made.cvv_matches(number, kExpiry, cvv.reveal()));
  int matches = 0;
  for (int value = 0; value < 1000; ++value)
    matches += made.cvv_matches(number, kExpiry, fmt::format("{:03}", value));
  EXPECT_EQ(matches, 1);
  for (const string& bad : {string(), string("40"), string("4050"), string("40 "), string("\0\0\0", 3)}) {
    EXPECT_FALSE(made.cvv_matches(number, kExpiry, bad));
  }
}

TEST(CardIssuer, BindsTheVerificationValueToNumberAndExpiry) {
  const CardIssuer made = issuer();
  std::set<string> values;
  for (std::uint8_t month = 1; month <= 12; ++month) {
    const Cvv cvv = made.cvv(made.number(kCard, 0), {month, 2029});
    values.insert(string(cvv.reveal()));
  }
  for (std::uint8_t attempt = 1; attempt <= 12; ++attempt) {
    const Cvv cvv = made.cvv(made.number(kCard, attempt), kExpiry);
    values.insert(string(cvv.reveal()));
  }
  EXPECT_GT(values.size(), 20U);
}

TEST(CardIssuer, ReadsNumbersOfRequests) {
  const auto number = CardIssuer::read_number("4000003339089456");
  ASSERT_TRUE(number.has_value());
  EXPECT_EQ(number->reveal(), "4000003339089456");
  for (const string_view bad : {"", "4000003339089457", "400000333908945", "40000033390894560", "4000 0033 3908 94",
                                "400000333908945x", "-400000333908945", "0x00003339089456"}) {
    EXPECT_FALSE(CardIssuer::read_number(bad).has_value()) << bad;
  }
}

TEST(Luhn, KnowsPublishedTestNumbers) {
  for (const string_view good :
       {"4242424242424242", "4000056655665556", "5555555555554444", "378282246310005", "00", "18"}) {
    EXPECT_TRUE(luhn_valid(good)) << good;
  }
  for (const string_view bad : {"", "0", "4242424242424241", "42424242424242a2", "4242 4242 4242 4242", "19"}) {
    EXPECT_FALSE(luhn_valid(bad)) << bad;
  }
}

TEST(Luhn, CatchesEveryWrongDigitAndNearlyEverySwap) {
  const string good = "4000003339089456";
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (char c = '0'; c <= '9'; ++c) {
      string bad = good;
      bad[at] = c;
      EXPECT_EQ(luhn_valid(bad), c == good[at]) << at << c;
    }
  }
  for (std::size_t at = 0; at + 1 < good.size(); ++at) {
    string swapped = good;
    std::swap(swapped[at], swapped[at + 1]);
    const string pair = good.substr(at, 2);
    EXPECT_EQ(luhn_valid(swapped), swapped == good || pair == "09" || pair == "90") << at;
  }
}

TEST(Expiry, IsReadExactly) {
  EXPECT_EQ(parse_expiry("11/29"), (Expiry{11, 2029}));
  EXPECT_EQ(parse_expiry("01/00"), (Expiry{1, 2000}));
  EXPECT_EQ(parse_expiry("12/99"), (Expiry{12, 2099}));
  for (const string_view bad :
       {"", "00/29", "13/29", "1/29", "11/2029", "11-29", "1129", "11/2", " 11/29", "11/29 ", "+1/29", "11/-9"}) {
    EXPECT_EQ(parse_expiry(bad), std::nullopt) << bad;
  }
  for (std::uint8_t month = 1; month <= 12; ++month) {
    for (std::uint16_t year = 2000; year <= 2099; ++year) {
      EXPECT_EQ(parse_expiry(format_expiry({month, year})), (Expiry{month, year}));
    }
  }
}

TEST(SecretDigits, AreWipedWhenTheyGo) {
  alignas(CardNumber) std::array<unsigned char, sizeof(CardNumber)> memory;
  auto* number = new (memory.data()) CardNumber(issuer().number(kCard, 0));
  const string digits(number->reveal());
  ASSERT_EQ(std::memcmp(memory.data(), digits.data(), digits.size()), 0);
  std::destroy_at(number);
  const volatile unsigned char* byte = memory.data();
  for (std::size_t i = 0; i < memory.size(); ++i)
    EXPECT_EQ(byte[i], 0) << i;
}

TEST(SecretDigits, NeverShowInWhatIsWrittenForOthers) {
  const CardIssuer made = issuer();
  const CardNumber number = made.number(kCard, 0);
  const Cvv cvv = made.cvv(number, kExpiry);
  const string body =
      fmt::format(R"({{"number":"{0}","cvv":"{1}","{0}":1,"a{0}":{{"{0}":"{1}"}}}})", number.reveal(), cvv.reveal());

  std::ostringstream written;
  written << last4(number) << format_expiry(kExpiry);
  const auto hash = made.number_hash(number);
  written << fmt::format(" {:016x}{:016x} ", hash.hi, hash.lo);
  const std::array<void (*)(const JsonObject&), 5> reads = {
      [](const JsonObject& o) { o.required_string("number", 8); },
      [](const JsonObject& o) { o.required_int64("cvv"); },
      [](const JsonObject& o) {
        reject_unknown_members(o, {"number", "cvv"});
      },
      [](const JsonObject& o) { o.for_each([](string_view, const JsonValue& v) { v.object(); }); },
      [](const JsonObject& o) {
        o.for_each([](string_view, const JsonValue& v) {
          if (v.is_object()) reject_unknown_members(v.object(), {});
        });
      },
  };
  for (const auto read : reads) {
    JsonDocument document;
    ASSERT_TRUE(document.parse(body));
    read(document.object());
    ASSERT_FALSE(document.ok());
    written << document.error().detail << document.error().path << "\n";
  }
  EXPECT_EQ(written.str().find(number.reveal()), string::npos) << written.str();
  EXPECT_EQ(written.str().find("\"" + string(cvv.reveal())), string::npos) << written.str();
}

}  // namespace
}  // namespace holdfast::net
