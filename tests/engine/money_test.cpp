#include "engine/money.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

namespace holdfast::engine {
namespace {

constexpr Minor kMax = std::numeric_limits<Minor>::max();
constexpr Minor kMin = std::numeric_limits<Minor>::min();

Currency currency(std::string_view alpha) {
  return currency_from_alpha(alpha).value();
}

TEST(MoneyTest, RefusesToOverflow) {
  EXPECT_EQ(checked_add(kMax, 1), std::nullopt);
  EXPECT_EQ(checked_add(kMin, -1), std::nullopt);
  EXPECT_EQ(checked_subtract(kMin, 1), std::nullopt);
  EXPECT_EQ(checked_subtract(0, kMin), std::nullopt);
  EXPECT_EQ(checked_add(kMax, 0), kMax);
  EXPECT_EQ(checked_add(kMax, kMin), -1);
  EXPECT_EQ(checked_subtract(-1, kMax), kMin);
}

TEST(MoneyTest, RefusesTextThatIsNotAPlainDecimalNumber) {
  for (const std::string_view text :
       {"",     "-",     ".",    "-.",   ".5",    "-.5", "5.",  "+1",   "--1",  "-+1", "1e2", "1E2",  " 1",      "1 ",
        "1,00", "1.0.0", "1..0", "0x10", "1_000", "NaN", "inf", "1.-5", "1.+5", "12a", "a12", "1.2x", "\xD9\xA1"}) {
    EXPECT_EQ(parse_decimal(text, currency("USD")), std::nullopt) << '"' << text << '"';
  }
  EXPECT_EQ(parse_decimal(std::string_view("1\0", 2), currency("USD")), std::nullopt);
}

TEST(MoneyTest, RefusesMoreDecimalsThanTheCurrencyHas) {
  EXPECT_EQ(parse_decimal("1.001", currency("USD")), std::nullopt);
  EXPECT_EQ(parse_decimal("1.000000000000000000000000001", currency("USD")), std::nullopt);
  EXPECT_EQ(parse_decimal("1.1", currency("JPY")), std::nullopt);
  EXPECT_EQ(parse_decimal("1.0001", currency("KWD")), std::nullopt);
  EXPECT_EQ(parse_decimal("1.00001", currency("CLF")), std::nullopt);
}

TEST(MoneyTest, RefusesAmountsOfACurrencyThatIsNotListed) {
  EXPECT_EQ(parse_decimal("1", Currency{}), std::nullopt);
  EXPECT_EQ(parse_decimal("1", Currency{1000}), std::nullopt);
  EXPECT_EQ(parse_decimal("1", Currency{0xFFFF}), std::nullopt);
}

struct Parsed {
  std::string_view text;
  std::string_view alpha;
  Minor amount;
};

TEST(MoneyTest, ParsesExactly) {
  for (const Parsed& row : {
           Parsed{"0", "USD", 0},
           {"-0", "USD", 0},
           {"-0.00", "USD", 0},
           {"100", "USD", 10000},
           {"100.5", "USD", 10050},
           {"100.00", "USD", 10000},
           {"-3.5", "USD", -350},
           {"0.01", "USD", 1},
           {"007", "USD", 700},
           {"1.0000000000000000000000000000", "USD", 100},
           {"100", "JPY", 100},
           {"100.00", "JPY", 100},
           {"1.234", "KWD", 1234},
           {"1.2", "KWD", 1200},
           {"0.0001", "CLF", 1},
           {"0000000000000000000000000000000001", "USD", 100},
       }) {
    EXPECT_EQ(parse_decimal(row.text, currency(row.alpha)), row.amount) << row.text << ' ' << row.alpha;
  }
}

TEST(MoneyTest, ParsesToBothEndsOf64BitsAndNotOneFurther) {
  for (const Parsed& row : {
           Parsed{"92233720368547758.07", "USD", kMax},
           {"-92233720368547758.08", "USD", kMin},
           {"9223372036854775807", "JPY", kMax},
           {"-9223372036854775808", "JPY", kMin},
           {"9223372036854775.807", "KWD", kMax},
           {"-922337203685477.5808", "CLF", kMin},
       }) {
    EXPECT_EQ(parse_decimal(row.text, currency(row.alpha)), row.amount) << row.text;
    EXPECT_EQ(format_decimal(row.amount, currency(row.alpha)), row.text);
  }
  for (const auto& [text, alpha] : {
           std::pair{"92233720368547758.08", "USD"},
           {"-92233720368547758.09", "USD"},
           {"9223372036854775808", "JPY"},
           {"-9223372036854775809", "JPY"},
           {"92233720368547759", "USD"},
           {"922337203685477581", "USD"},
           {"99999999999999999999999999999999999999", "USD"},
           {"18446744073709551617", "JPY"},  // 1 modulo 2^64
       }) {
    EXPECT_EQ(parse_decimal(text, currency(alpha)), std::nullopt) << text;
  }
}

TEST(MoneyTest, FormatsWithTheDecimalsOfTheCurrency) {
  EXPECT_EQ(format_decimal(0, currency("USD")), "0.00");
  EXPECT_EQ(format_decimal(1, currency("USD")), "0.01");
  EXPECT_EQ(format_decimal(-1, currency("USD")), "-0.01");
  EXPECT_EQ(format_decimal(-10, currency("USD")), "-0.10");
  EXPECT_EQ(format_decimal(99, currency("USD")), "0.99");
  EXPECT_EQ(format_decimal(100, currency("USD")), "1.00");
  EXPECT_EQ(format_decimal(-12345, currency("KWD")), "-12.345");
  EXPECT_EQ(format_decimal(7, currency("CLF")), "0.0007");
  EXPECT_EQ(format_decimal(-5, currency("JPY")), "-5");
}

TEST(MoneyTest, ReadsBackWhatItFormats) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20000; ++i) {
    // Shifted by a random count, so that short amounts come as often as long ones.
    const Minor amount = static_cast<Minor>(random()) >> (random() % 64);
    for (const std::string_view alpha : {"JPY", "USD", "KWD", "CLF"}) {
      const std::string text = format_decimal(amount, currency(alpha));
      ASSERT_EQ(parse_decimal(text, currency(alpha)), amount) << text << ' ' << alpha;
    }
  }
}

TEST(CurrencyTest, RefusesWhatIsNotACode) {
  for (const std::string_view alpha : {"", "U", "US", "USDD", "US1", "U D", "XXX", "XTS", "XAU", "AAA", "ZZZ", "840"}) {
    EXPECT_EQ(currency_from_alpha(alpha), std::nullopt) << alpha;
  }
  for (const std::string_view digits : {"", "84", "0840", "84a", "-84", "+84", " 84", "000", "001", "999", "USD"}) {
    EXPECT_EQ(currency_from_numeric(digits), std::nullopt) << digits;
  }
}

TEST(CurrencyTest, DoesNotKnowCodesThatWereWithdrawn) {
  for (const std::string_view alpha : {"ANG", "BGN", "CUC", "DEM", "HRK", "LTL", "SLL", "VEF", "ZWL"}) {
    EXPECT_EQ(currency_from_alpha(alpha), std::nullopt) << alpha;
  }
}

TEST(CurrencyTest, KnowsCodesAndMinorUnits) {
  struct Row {
    std::string_view alpha, digits;
    int exponent;
  };
  for (const Row& row :
       {Row{"USD", "840", 2}, {"EUR", "978", 2}, {"JPY", "392", 0}, {"KWD", "414", 3}, {"CLF", "990", 4},
        {"UYW", "927", 4},    {"ALL", "008", 2}, {"BHD", "048", 3}, {"TND", "788", 3}, {"ISK", "352", 0},
        {"UGX", "800", 0},    {"XOF", "952", 0}, {"XPF", "953", 0}, {"XCG", "532", 2}, {"ZWG", "924", 2},
        {"XAD", "396", 2},    {"AED", "784", 2}, {"IQD", "368", 3}, {"VND", "704", 0}, {"CLP", "152", 0}}) {
    const auto found = currency_from_alpha(row.alpha);
    ASSERT_TRUE(found.has_value()) << row.alpha;
    EXPECT_EQ(currency_from_numeric(row.digits), found) << row.alpha;
    EXPECT_EQ(alpha_code(*found), row.alpha);
    EXPECT_EQ(minor_unit_exponent(*found), row.exponent) << row.alpha;
  }
  EXPECT_EQ(currency_from_alpha("usd"), currency("USD"));
  EXPECT_EQ(currency_from_alpha("uSd"), currency("USD"));
}

TEST(CurrencyTest, GivesEveryNumberTheCodeThatGivesItBack) {
  int listed = 0;
  for (int numeric = 0; numeric <= 0xFFFF; ++numeric) {
    const Currency candidate{static_cast<std::uint16_t>(numeric)};
    if (alpha_code(candidate) == "XXX") continue;
    ++listed;
    EXPECT_EQ(currency_from_alpha(alpha_code(candidate)), candidate) << numeric;
  }
  // Those of ISO 4217 list one that have a minor unit, as of 2026.
  EXPECT_EQ(listed, 165);
}

}  // namespace
}  // namespace holdfast::engine
