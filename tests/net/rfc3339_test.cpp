#include "net/rfc3339.h"

#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

std::string written(std::int64_t millis) {
  std::string out;
  append_rfc3339(out, engine::from_millis(millis));
  return out;
}

TEST(Rfc3339Test, RefusesWhatIsNotATimeWithAnOffset) {
  for (const std::string_view text : {
           "",
           "2026",
           "2026-11-23",
           "2026-11-23T15:00:00",
           "2026-11-23 15:00:00Z",
           "2026-11-23t15:00:00Z",
           "2026-11-23T15:00:00z",
           "2026-11-23T15:00Z",
           "2026-11-23T15:00:00Z ",
           " 2026-11-23T15:00:00Z",
           "2026-11-23T15:00:00.Z",
           "2026-11-23T15:00:00,5Z",
           "2026-11-23T15:00:00+01",
           "2026-11-23T15:00:00+0100",
           "2026-11-23T15:00:00+1:00",
           "2026-11-23T15:00:00*01:00",
           "2026-11-23T15:00:00+01-00",
           "26-11-23T15:00:00Z",
           "2026-1-23T15:00:00Z",
           "2026/11/23T15:00:00Z",
           "2026-11-23T15-00-00Z",
           "+026-11-23T15:00:00Z",
           "2026-11-23T1 :00:00Z",
           "2026-11-23T15:00:00.5",
           "2026-11-23T15:00:00.5.5Z",
           "2026-W48-1T15:00:00Z",
           "2026-11-23T15:00:00ZZ",
           "2026-11-23T15:00:00-",
           "tomorrow",
       }) {
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << '"' << text << '"';
  }
  EXPECT_EQ(parse_rfc3339(std::string_view("2026-11-23T15:00:00Z\0", 21)), std::nullopt);
}

TEST(Rfc3339Test, RefusesWhatNoCalendarOrClockShows) {
  for (const std::string_view text : {
           "2026-00-10T00:00:00Z",
           "2026-13-10T00:00:00Z",
           "2026-04-31T00:00:00Z",
           "2026-02-29T00:00:00Z",
           "2100-02-29T00:00:00Z",
           "2026-01-00T00:00:00Z",
           "2026-01-01T24:00:00Z",
           "2026-01-01T00:60:00Z",
           "2026-01-01T00:00:60Z",
           "2016-12-31T23:59:60Z",
           "2026-01-01T00:00:00+24:00",
           "2026-01-01T00:00:00+00:60",
           // Not in the years 0 to 9999 in UTC.
           "9999-12-31T23:59:59-00:01",
           "0000-01-01T00:00:00+00:01",
       }) {
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(Rfc3339Test, ReadsOffsetsAndFractions) {
  const struct {
    std::string_view text;
    std::int64_t millis;
  } cases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"1970-01-01T00:00:00.001Z", 1},
      {"1970-01-01T00:00:00.5Z", 500},
      {"1970-01-01T00:00:00.05Z", 50},
      {"1970-01-01T00:00:00.123999999999Z", 123},
      {"1970-01-01T01:00:00+01:00", 0},
      {"1969-12-31T19:00:00-05:00", 0},
      {"1970-01-01T05:45:00+05:45", 0},
      {"1970-01-01T00:00:00-00:00", 0},
      {"1969-12-31T23:59:59.999Z", -1},
      {"2024-02-29T12:00:00Z", 1'709'208'000'000},
      {"2038-01-19T03:14:08Z", 2'147'483'648'000},
      {"9999-12-31T23:59:59.999Z", 253'402'300'799'999},
      {"0000-01-01T00:00:00Z", -62'167'219'200'000},
  };
  for (const auto& each : cases) {
    const auto parsed = parse_rfc3339(each.text);
    ASSERT_TRUE(parsed.has_value()) << each.text;
    EXPECT_EQ(engine::to_millis(*parsed), each.millis) << each.text;
  }
}

TEST(Rfc3339Test, WritesUtcWithMilliseconds) {
  EXPECT_EQ(written(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(written(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(written(1'709'208'000'007), "2024-02-29T12:00:00.007Z");
  EXPECT_EQ(written(1'795'446'000'000), "2026-11-23T15:00:00.000Z");
  EXPECT_EQ(written(-62'167'219'200'000), "0000-01-01T00:00:00.000Z");
}

TEST(Rfc3339Test, WritesTheNearestTimeItHasAFormFor) {
  EXPECT_EQ(written(std::numeric_limits<std::int64_t>::min()), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(written(std::numeric_limits<std::int64_t>::max()), "9999-12-31T23:59:59.999Z");
}

TEST(Rfc3339Test, ReadsWhatItWrites) {
  for (std::int64_t millis = -62'167'219'200'000; millis < 253'402'300'800'000;
       millis += 86'400'000 * 37LL + 3'661'007) {
    EXPECT_EQ(parse_rfc3339(written(millis)), engine::from_millis(millis)) << millis;
  }
}

}  // namespace
}  // namespace holdfast::net
