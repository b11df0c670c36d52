#include "bench/load/money.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::load {
namespace {

using ::testing::HasSubstr;

TEST(MoneyBook, FindsOneCentOnOneCardOfMany) {
  MoneyBook book(1000);
  for (std::size_t card = 0; card < 1000; ++card) {
    book.certain(card, Movement::approve, 2500);
    ASSERT_TRUE(book.agrees(card, {2500, 0}));
    ASSERT_EQ(book.difference(card, {2500, 0}), "");
  }
  EXPECT_FALSE(book.agrees(517, {2501, 0}));
  EXPECT_FALSE(book.agrees(517, {2499, 0}));
  EXPECT_FALSE(book.agrees(517, {2499, 1}));
  EXPECT_THAT(book.difference(517, {2501, 0}), HasSubstr("held is 2501 and must be 2500"));
}

TEST(MoneyBook, CapturesMoveAndReversalsGiveBack) {
  MoneyBook book(1);
  book.certain(0, Movement::approve, 1000);
  book.certain(0, Movement::approve, 300);
  book.certain(0, Movement::capture, 1000);
  EXPECT_TRUE(book.agrees(0, {300, 1000}));
  EXPECT_FALSE(book.agrees(0, {1300, 0}));
  book.certain(0, Movement::reverse, 300);
  EXPECT_TRUE(book.agrees(0, {0, 1000}));
}

TEST(MoneyBook, AnApprovalThatNobodyHeardOfMayBeThereOrNot) {
  MoneyBook book(2);
  book.certain(0, Movement::approve, 1000);
  book.unknown(0, Movement::approve, 70);
  EXPECT_TRUE(book.agrees(0, {1000, 0}));
  EXPECT_TRUE(book.agrees(0, {1070, 0}));
  EXPECT_FALSE(book.agrees(0, {1071, 0}));
  EXPECT_FALSE(book.agrees(0, {999, 0}));
  EXPECT_FALSE(book.agrees(1, {1, 0})) << "another card is as certain as before";
  EXPECT_THAT(book.difference(0, {1071, 0}), HasSubstr("must be 1000 to 1070"));
}

TEST(MoneyBook, ACaptureThatNobodyHeardOfMovesMoneyAndMakesNone) {
  MoneyBook book(1);
  book.certain(0, Movement::approve, 500);
  book.unknown(0, Movement::capture, 500);
  EXPECT_TRUE(book.agrees(0, {500, 0}));
  EXPECT_TRUE(book.agrees(0, {0, 500}));
  EXPECT_FALSE(book.agrees(0, {0, 0}));
  EXPECT_FALSE(book.agrees(0, {500, 500}));
  EXPECT_THAT(book.difference(0, {500, 500}), HasSubstr("together is 1000 and must be 500"));
}

TEST(MoneyBook, AReversalThatNobodyHeardOfOnlyTakesAway) {
  MoneyBook book(1);
  book.certain(0, Movement::approve, 500);
  book.unknown(0, Movement::reverse, 500);
  EXPECT_TRUE(book.agrees(0, {500, 0}));
  EXPECT_TRUE(book.agrees(0, {0, 0}));
  EXPECT_FALSE(book.agrees(0, {501, 0}));
}

TEST(MoneyBook, BooksOfWorkersAddUp) {
  MoneyBook one(2);
  MoneyBook other(2);
  one.certain(0, Movement::approve, 10);
  other.certain(0, Movement::capture, 10);
  other.unknown(1, Movement::approve, 4);
  one.merge(other);
  EXPECT_TRUE(one.agrees(0, {0, 10}));
  EXPECT_TRUE(one.agrees(1, {4, 0}));
  EXPECT_EQ(one.total().low, 10);
  EXPECT_EQ(one.total().high, 14);
}

}  // namespace
}  // namespace holdfast::load
