#include "net/list_page.h"

#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

TEST(ListPageTest, RefusesWhatItDoesNotKnowAndWhatIsNotWellFormed) {
  for (const std::string_view query : {"limit=",
                                       "limit=0",
                                       "limit=101",
                                       "limit=-1",
                                       "limit=+5",
                                       "limit=5x",
                                       "limit=5.0",
                                       "limit=0x5",
                                       "limit= 5",
                                       "limit=18446744073709551621",
                                       "limit=5&limit=5",
                                       "cursor=",
                                       "cursor=x",
                                       "cursor=01J9ZK3Q6T8V5W2X4Y6Z8A0B1",
                                       "cursor=81J9ZK3Q6T8V5W2X4Y6Z8A0B1C",
                                       "cursor=01J9ZK3Q6T8V5W2X4Y6Z8A0B1C&cursor=01J9ZK3Q6T8V5W2X4Y6Z8A0B1C",
                                       "limits=5",
                                       "offset=5",
                                       "limit",
                                       "limit=5&&",
                                       "&limit=5",
                                       "LIMIT=5",
                                       "limit=%35"}) {
    EXPECT_FALSE(read_list_page(query).has_value()) << query;
  }
}

TEST(ListPageTest, ReadsLimitAndCursor) {
  EXPECT_EQ(read_list_page("")->limit, kPageDefault);
  EXPECT_EQ(read_list_page("")->after, std::nullopt);
  EXPECT_EQ(read_list_page("limit=1")->limit, 1U);
  EXPECT_EQ(read_list_page("limit=100")->limit, kPageMax);
  const auto page = read_list_page("cursor=00000000000000000000000010&limit=7");
  EXPECT_EQ(page->limit, 7U);
  EXPECT_EQ(page->after, (engine::Key128{0, 32}));
}

TEST(ListPageTest, EndsAListWithACursorOnlyWhenThereIsMore) {
  std::string body = "{\"data\":[";
  append_list_end(body, std::nullopt);
  EXPECT_EQ(body, R"({"data":[],"has_more":false,"next_cursor":null})");
  body = "{\"data\":[1";
  append_list_end(body, engine::Key128{0, 32});
  EXPECT_EQ(body, R"({"data":[1],"has_more":true,"next_cursor":"00000000000000000000000010"})");
}

}  // namespace
}  // namespace holdfast::net
