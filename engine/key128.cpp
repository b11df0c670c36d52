#include "engine/key128.h"

#include <bit>
#include <cstring>

namespace holdfast::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "words are taken from memory as they stand");

std::uint64_t word_at(const void* bytes, std::size_t size) {
  std::uint64_t word = 0;
  if (size != 0) std::memcpy(&word, bytes, size);
  return word;
}

// The state of one hash: bytes come in any portions, words go through the rounds.
class SipState {
 public:
  SipState(std::uint64_t first, std::uint64_t second)
      : v0_(first ^ 0x736f'6d65'7073'6575),
        v1_(second ^ 0x646f'7261'6e64'6f6d ^ kWideOutput),
        v2_(first ^ 0x6c79'6765'6e65'7261),
        v3_(second ^ 0x7465'6462'7974'6573) {}

  void absorb(const char* bytes, std::size_t size) {
    size_ += size;
    while (size >= kWord) {
      absorb_word(word_at(bytes, kWord), kWord);
      bytes += kWord;
      size -= kWord;
    }
    if (size != 0) absorb_word(word_at(bytes, size), size);
  }
  void absorb_size(std::uint64_t size) {
    size_ += kWord;
    absorb_word(size, kWord);
  }
  Key128 finish() {
    compress(waiting_ | (size_ << 56));
    v2_ ^= 0xEE;
    rounds(4);
    const std::uint64_t first = v0_ ^ v1_ ^ v2_ ^ v3_;
    v1_ ^= 0xDD;
    rounds(4);
    return {first, v0_ ^ v1_ ^ v2_ ^ v3_};
  }

 private:
  static constexpr std::size_t kWord = 8;
  static constexpr std::uint64_t kWideOutput = 0xEE;

  // Takes the low `size` bytes, 1 to 8; the others are zero.
  void absorb_word(std::uint64_t word, std::size_t size) {
    waiting_ |= word << (8 * waiting_size_);
    const std::size_t room = kWord - waiting_size_;
    if (size < room) {
      waiting_size_ += size;
      return;
    }
    compress(waiting_);
    waiting_ = room == kWord ? 0 : word >> (8 * room);
    waiting_size_ = size - room;
  }
  void compress(std::uint64_t word) {
    v3_ ^= word;
    rounds(2);
    v0_ ^= word;
  }
  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0_ += v1_;
      v1_ = std::rotl(v1_, 13) ^ v0_;
      v0_ = std::rotl(v0_, 32);
      v2_ += v3_;
      v3_ = std::rotl(v3_, 16) ^ v2_;
      v0_ += v3_;
      v3_ = std::rotl(v3_, 21) ^ v0_;
      v2_ += v1_;
      v1_ = std::rotl(v1_, 17) ^ v2_;
      v2_ = std::rotl(v2_, 32);
    }
  }

  std::uint64_t v0_, v1_, v2_, v3_;
  std::uint64_t waiting_ = 0;  // bytes that do not fill a word yet
  std::size_t waiting_size_ = 0;
  std::uint64_t size_ = 0;  // of all input; its low byte ends the last word
};

}  // namespace

KeyHasher::KeyHasher(std::array<std::byte, 16> seed)
    : key_first_(word_at(seed.data(), 8)), key_second_(word_at(seed.data() + 8, 8)) {}

Key128 KeyHasher::hash(std::initializer_list<std::string_view> parts) const {
  SipState state(key_first_, key_second_);
  for (const std::string_view part : parts) {
    state.absorb_size(part.size());
    state.absorb(part.data(), part.size());
  }
  return state.finish();
}

Key128 KeyHasher::hash_bytes(std::string_view bytes) const {
  SipState state(key_first_, key_second_);
  state.absorb(bytes.data(), bytes.size());
  return state.finish();
}

}  // namespace holdfast::engine
