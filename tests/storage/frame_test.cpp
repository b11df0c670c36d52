#include "storage/frame.h"

#include "tests/storage/fixture.h"

namespace holdfast::storage::test {
namespace {

constexpr StoreId kStore = {std::byte{1}, std::byte{2}, std::byte{3}};

engine::Bytes encoded(FrameCodec& codec, const Chain& before, Sequence sequence, std::string_view payload,
                      Sequence settled = 0, std::uint8_t lane = 0) {
  engine::Bytes bytes(frame_bytes(payload.size()));
  codec.encode(before, sequence, lane, settled, bytes_of(payload), bytes);
  return bytes;
}

TEST(Crc32c, MatchesThePublishedCheckValue) {
  EXPECT_EQ(crc32c(0, bytes_of("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c_table(0, bytes_of("123456789")), 0xE3069283U);
}

TEST(Crc32c, IsTheSameByInstructionAndByTableAtEveryLengthAndSplit) {
  std::string text;
  for (int i = 0; i < 67; ++i) {
    EXPECT_EQ(crc32c(0, bytes_of(text)), crc32c_table(0, bytes_of(text)));
    const std::size_t half = text.size() / 2;
    const std::uint32_t first = crc32c(0, bytes_of(text).first(half));
    EXPECT_EQ(crc32c(first, bytes_of(text).subspan(half)), crc32c(0, bytes_of(text)));
    text += static_cast<char>(i * 37);
  }
}

TEST(Frame, GivesBackWhatWasEncoded) {
  FrameCodec codec;
  const Chain before = codec.first_chain(kStore);
  engine::Bytes bytes(frame_bytes(5));
  const Chain chain = codec.encode(before, 1000, 7, 990, bytes_of("hello"), bytes);
  const auto frame = decode_frame(1000, bytes);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->lane, 7);
  EXPECT_EQ(frame->settled, 990U);
  EXPECT_EQ(frame->chain, chain);
  EXPECT_EQ(text_of(frame->payload), "hello");
  EXPECT_TRUE(codec.follows(before, 1000, bytes));
}

TEST(Frame, TakesEmptyAndLargestPayloads) {
  FrameCodec codec;
  for (const std::size_t size : {std::size_t{0}, engine::kRecordBytesMax}) {
    const engine::Bytes bytes = encoded(codec, {}, 1, std::string(size, 'x'));
    const auto frame = decode_frame(1, bytes);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->payload.size(), size);
  }
  const engine::Bytes too_large = encoded(codec, {}, 1, std::string(engine::kRecordBytesMax + 1, 'x'));
  EXPECT_FALSE(decode_frame(1, too_large));
}

TEST(Frame, DoesNotDecodeWithAnyBitFlipped) {
  FrameCodec codec;
  engine::Bytes bytes = encoded(codec, codec.first_chain(kStore), 42, "a payload of some length");
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const std::byte mask{static_cast<unsigned char>(1U << (bit % 8))};
    bytes[bit / 8] ^= mask;
    EXPECT_FALSE(decode_frame(42, bytes)) << "bit " << bit;
    bytes[bit / 8] ^= mask;
  }
  EXPECT_TRUE(decode_frame(42, bytes));
}

TEST(Frame, DoesNotDecodeWithAnyByteReplacedOrTheEndCutOff) {
  FrameCodec codec;
  engine::Bytes bytes = encoded(codec, codec.first_chain(kStore), 42, "a payload of some length");
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const std::byte was = bytes[at];
    for (const unsigned value : {0x00U, 0xFFU, 0x55U}) {
      bytes[at] = std::byte{static_cast<unsigned char>(value)};
      EXPECT_EQ(decode_frame(42, bytes).has_value(), bytes[at] == was) << "byte " << at;
    }
    bytes[at] = was;
    EXPECT_FALSE(decode_frame(42, BytesView(bytes).first(at))) << "length " << at;
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode_frame(42, bytes));
}

TEST(Frame, DoesNotDecodeUnderAnotherSequence) {
  FrameCodec codec;
  const engine::Bytes bytes = encoded(codec, {}, 42, "payload");
  for (const Sequence other : {Sequence{0}, Sequence{41}, Sequence{43}, Sequence{42} << 32}) {
    EXPECT_FALSE(decode_frame(other, bytes));
  }
}

TEST(Frame, DoesNotFollowAnotherPredecessorThoughItsChecksumHolds) {
  FrameCodec codec;
  const Chain origin = codec.first_chain(kStore);
  engine::Bytes first(frame_bytes(1));
  engine::Bytes other(frame_bytes(1));
  const Chain chain = codec.encode(origin, 1, 0, 0, bytes_of("a"), first);
  const Chain other_chain = codec.encode(origin, 1, 0, 0, bytes_of("b"), other);
  EXPECT_NE(chain, other_chain);
  const engine::Bytes second = encoded(codec, chain, 2, "c");
  EXPECT_TRUE(codec.follows(chain, 2, second));
  EXPECT_FALSE(codec.follows(other_chain, 2, second));
  EXPECT_FALSE(codec.follows(chain, 3, second));
}

TEST(Frame, DependsOnTheStoreFromItsFirstRecordOn) {
  FrameCodec codec;
  EXPECT_NE(codec.first_chain(kStore), codec.first_chain(StoreId{}));
  engine::Bytes origin(frame_bytes(sizeof(StoreId)));
  codec.encode_origin(kStore, origin);
  const auto frame = decode_frame(0, origin);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->chain, codec.first_chain(kStore));
  EXPECT_EQ(std::memcmp(frame->payload.data(), kStore.data(), kStore.size()), 0);
}

TEST(Frame, SaysThatNothingIsSettledWhenTheDistanceDoesNotFit) {
  FrameCodec codec;
  constexpr Sequence kFar = (Sequence{1} << 32) + 100;
  EXPECT_EQ(decode_frame(kFar, encoded(codec, {}, kFar, "x", 102))->settled, 102U);
  EXPECT_EQ(decode_frame(kFar, encoded(codec, {}, kFar, "x", 101))->settled, 0U);
  EXPECT_EQ(decode_frame(kFar, encoded(codec, {}, kFar, "x", 0))->settled, 0U);
}

}  // namespace
}  // namespace holdfast::storage::test
