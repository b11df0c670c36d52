#include "engine/reason.h"

#include <gtest/gtest.h>

#include <array>

namespace holdfast::engine {
namespace {

struct Row {
  int number;
  std::string_view name;
  std::string_view windowed;
  std::string_view lifetime;
};

// The order of reasons as it is documented: numbers and names are stored, so neither may ever change.
constexpr std::array kRows{
    Row{1, "card_not_found", "14", "14"},       Row{2, "card_closed", "14", "14"},
    Row{3, "card_expired", "54", "54"},         Row{4, "card_frozen", "62", "62"},
    Row{5, "currency_mismatch", "57", "57"},    Row{6, "verification_failed", "05", "05"},
    Row{7, "merchant_not_allowed", "57", "57"}, Row{8, "category_not_allowed", "57", "57"},
    Row{9, "country_not_allowed", "57", "57"},  Row{10, "loop_breaker", "65", "65"},
    Row{11, "authorization_limit", "61", "61"}, Row{12, "count_limit", "65", "65"},
    Row{13, "card_limit", "61", "51"},          Row{14, "budget_limit", "61", "51"},
    Row{15, "deadline_exceeded", "91", "91"},   Row{16, "overloaded", "91", "91"},
    Row{17, "storage_unavailable", "96", "96"},
};

TEST(ReasonTest, RefusesNamesThatAreNotReasons) {
  for (const std::string_view name : {"", "none", "approved", "Card_limit", "card_limit ", "card", "card_limits"}) {
    EXPECT_EQ(reason_from_name(name), std::nullopt) << '"' << name << '"';
  }
}

TEST(ReasonTest, RefusesANumberThatIsNoReason) {
  EXPECT_THROW(reason_name(static_cast<Reason>(kReasons)), std::out_of_range);
  EXPECT_THROW(response_code(static_cast<Reason>(255), false), std::out_of_range);
  EXPECT_THROW(retryable_name(static_cast<Retryable>(3)), std::out_of_range);
}

TEST(ReasonTest, HasTheDocumentedNumbersNamesAndResponseCodes) {
  ASSERT_EQ(kRows.size() + 1, static_cast<std::size_t>(kReasons));
  for (const Row& row : kRows) {
    const auto reason = static_cast<Reason>(row.number);
    EXPECT_EQ(reason_name(reason), row.name);
    EXPECT_EQ(reason_from_name(row.name), reason);
    EXPECT_EQ(response_code(reason, false), row.windowed) << row.name;
    EXPECT_EQ(response_code(reason, true), row.lifetime) << row.name;
  }
}

TEST(ReasonTest, ApprovalHasNoNameAndTheApprovedCode) {
  EXPECT_EQ(reason_name(Reason::none), "");
  EXPECT_EQ(response_code(Reason::none, false), "00");
  EXPECT_EQ(response_code(Reason::none, true), "00");
}

TEST(ReasonTest, NamesWhatACallerCanDo) {
  EXPECT_EQ(retryable_name(Retryable::never), "never");
  EXPECT_EQ(retryable_name(Retryable::with_change), "with_change");
  EXPECT_EQ(retryable_name(Retryable::after), "after");
}

}  // namespace
}  // namespace holdfast::engine
