#include "engine/places.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace holdfast::engine {
namespace {

TEST(CountryTest, RefusesWhatIsNotACode) {
  for (const std::string_view text : {"",   "U",    "USAA", "ZZ",  "XX",  "UK",  "EU",  "XK",  "U1",  "1U",  "12",
                                      "84", "0840", "84A",  "A40", "-84", "000", "999", "ZZZ", "U S", "US ", " US"}) {
    EXPECT_EQ(country_from_text(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(CountryTest, ReadsEachFormOfACode) {
  struct Row {
    std::string_view alpha2, alpha3, digits;
  };
  for (const Row& row : {Row{"US", "USA", "840"},
                         {"GB", "GBR", "826"},
                         {"AF", "AFG", "004"},
                         {"AX", "ALA", "248"},
                         {"ZW", "ZWE", "716"},
                         {"DE", "DEU", "276"},
                         {"CH", "CHE", "756"},
                         {"SX", "SXM", "534"},
                         {"SS", "SSD", "728"},
                         {"PS", "PSE", "275"},
                         {"TW", "TWN", "158"},
                         {"AD", "AND", "020"}}) {
    const auto country = country_from_text(row.alpha2);
    ASSERT_TRUE(country.has_value()) << row.alpha2;
    EXPECT_EQ(alpha2(*country), row.alpha2);
    EXPECT_EQ(country_from_text(row.alpha3), country) << row.alpha3;
    EXPECT_EQ(country_from_text(row.digits), country) << row.digits;
  }
  EXPECT_EQ(country_from_text("us"), country_from_text("US"));
  EXPECT_EQ(country_from_text("uSa"), country_from_text("US"));
}

TEST(CountryTest, GivesEveryNumberTheCodeThatGivesItBack) {
  int assigned = 0;
  for (int numeric = 0; numeric <= 0xFFFF; ++numeric) {
    const Country country{static_cast<std::uint16_t>(numeric)};
    if (alpha2(country).empty()) continue;
    ++assigned;
    EXPECT_EQ(country_from_text(alpha2(country)), country) << numeric;
  }
  EXPECT_EQ(assigned, 249);  // ISO 3166-1
}

TEST(CountryTest, FindsEveryAlpha3Once) {
  std::set<std::uint16_t> found;
  std::string code(3, 'A');
  for (code[0] = 'A'; code[0] <= 'Z'; ++code[0]) {
    for (code[1] = 'A'; code[1] <= 'Z'; ++code[1]) {
      for (code[2] = 'A'; code[2] <= 'Z'; ++code[2]) {
        const auto country = country_from_text(code);
        if (country.has_value()) {
          EXPECT_TRUE(found.insert(country->numeric).second) << code;
        }
      }
    }
  }
  EXPECT_EQ(found.size(), 249U);
}

TEST(CategoryTest, RefusesWhatIsNotFourDigits) {
  for (const std::string_view digits : {"", "1", "573", "57340", "573a", "-573", "+573", " 573", "0x10"}) {
    EXPECT_EQ(category_from_digits(digits), std::nullopt) << '"' << digits << '"';
  }
}

TEST(CategoryTest, ReadsBothEnds) {
  EXPECT_EQ(category_from_digits("0000"), 0);
  EXPECT_EQ(category_from_digits("0763"), 763);
  EXPECT_EQ(category_from_digits("9999"), 9999);
}

TEST(CategoryTest, RefusesRangesThatAreNotTwoCodesInOrder) {
  for (const std::string_view text : {"", "3000-", "-3299", "3000-329", "3000-32990", "3000 - 3299", "3000_3299",
                                      "3299-3000", "3000--3299", "3000-3299-", "300-3299", "5734 ", "30003299"}) {
    EXPECT_EQ(category_range_from_text(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(CategoryTest, ReadsRanges) {
  EXPECT_EQ(category_range_from_text("5734"), (CategoryRange{5734, 5734}));
  EXPECT_EQ(category_range_from_text("3000-3299"), (CategoryRange{3000, 3299}));
  EXPECT_EQ(category_range_from_text("0000-9999"), (CategoryRange{0, 9999}));
  EXPECT_EQ(category_range_from_text("5734-5734"), (CategoryRange{5734, 5734}));
}

TEST(CategoryTest, RefusesNamesThatStandForNoCode) {
  for (const std::string_view name : {"", "miscellaneous", "Computer_software_stores", "computer_software_store",
                                      "computer_software_stores ", "aaaa", "zzzz", "5734"}) {
    EXPECT_EQ(category_from_name(name), std::nullopt) << '"' << name << '"';
  }
}

TEST(CategoryTest, KnowsTheFirstTheLastAndOddlySpeltNames) {
  EXPECT_EQ(category_from_name("computer_software_stores"), 5734);
  EXPECT_EQ(category_from_name("ac_refrigeration_repair"), 7623);
  EXPECT_EQ(category_from_name("agricultural_cooperative"), 763);
  EXPECT_EQ(category_from_name("t_ui_travel_germany"), 4723);
  EXPECT_EQ(category_from_name("truck_stop_iteration"), 7511);
  EXPECT_EQ(category_from_name("wrecking_and_salvage_yards"), 5935);
}

TEST(CategoryTest, FindsEveryNameOfTheList) {
  struct Entry {
    std::string_view name;
    CategoryCode code;
  };
  const std::vector<Entry> entries{
#include "engine/category_names.inc"
  };
  EXPECT_EQ(entries.size(), 294U);
  for (const Entry& entry : entries)
    EXPECT_EQ(category_from_name(entry.name), entry.code) << entry.name;
  EXPECT_TRUE(std::ranges::all_of(entries, [](const Entry& entry) { return entry.code <= 9999; }));
}

}  // namespace
}  // namespace holdfast::engine
