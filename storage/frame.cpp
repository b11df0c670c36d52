#include "storage/frame.h"

#include <openssl/evp.h>

#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <string_view>

namespace holdfast::storage {
namespace {

constexpr std::size_t kLaneAt = 4;
constexpr std::size_t kLagAt = 5;
constexpr std::size_t kChainAt = 9;
constexpr std::uint32_t kLagUnknown = std::numeric_limits<std::uint32_t>::max();

static_assert(std::endian::native == std::endian::little, "stored numbers are little-endian");

template <class T>
void put(std::span<std::byte> into, std::size_t at, T value) {
  std::memcpy(&into[at], &value, sizeof value);
}

template <class T>
T get(BytesView from, std::size_t at) {
  T value{};
  std::memcpy(&value, &from[at], sizeof value);
  return value;
}

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
    table[byte] = crc;
  }
  return table;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_instruction(std::uint32_t crc, BytesView bytes) {
  std::uint64_t state = ~crc;
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8)
    state = __builtin_ia32_crc32di(state, get<std::uint64_t>(bytes, at));
  auto low = static_cast<std::uint32_t>(state);
  for (; at < bytes.size(); ++at)
    low = __builtin_ia32_crc32qi(low, std::to_integer<std::uint8_t>(bytes[at]));
  return ~low;
}

using Crc = std::uint32_t (*)(std::uint32_t, BytesView);
const Crc kCrc = __builtin_cpu_supports("sse4.2") ? &crc32c_instruction : &crc32c_table;
#endif

// Over the sequence and everything behind the checksum's own place.
std::uint32_t checksum(Sequence sequence, BytesView frame) {
  std::array<std::byte, sizeof sequence> key{};
  std::memcpy(key.data(), &sequence, sizeof sequence);
  return crc32c(crc32c(0, key), frame.subspan(kLaneAt));
}

// A digest that cannot be computed leaves nothing to go on with: the library is broken or out of memory.
void must(int ok) {
  if (ok != 1) std::abort();
}

}  // namespace

std::uint32_t crc32c_table(std::uint32_t crc, BytesView bytes) {
  static constexpr auto kTable = make_table();
  crc = ~crc;
  for (const std::byte byte : bytes)
    crc = (crc >> 8) ^ kTable[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xFF];
  return ~crc;
}

std::uint32_t crc32c(std::uint32_t crc, BytesView bytes) {
#if defined(__x86_64__)
  return kCrc(crc, bytes);
#else
  return crc32c_table(crc, bytes);
#endif
}

std::optional<Frame> decode_frame(Sequence sequence, BytesView bytes) {
  if (bytes.size() < kFrameHeaderBytes || bytes.size() > kFrameBytesMax) return std::nullopt;
  if (get<std::uint32_t>(bytes, 0) != checksum(sequence, bytes)) return std::nullopt;
  Frame frame;
  frame.lane = std::to_integer<std::uint8_t>(bytes[kLaneAt]);
  const auto lag = get<std::uint32_t>(bytes, kLagAt);
  frame.settled = lag == kLagUnknown || lag > sequence ? 0 : sequence - lag;
  std::memcpy(frame.chain.data(), &bytes[kChainAt], frame.chain.size());
  frame.payload = bytes.subspan(kFrameHeaderBytes);
  return frame;
}

FrameCodec::FrameCodec() : digest_(EVP_MD_CTX_new()) {
  if (digest_ == nullptr) throw std::bad_alloc();
  must(EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(digest_), EVP_sha256(), nullptr));
}

FrameCodec::~FrameCodec() {
  EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(digest_));
}

Chain FrameCodec::first_chain(const StoreId& store) {
  constexpr std::string_view kName = "holdfast journal";
  auto* digest = static_cast<EVP_MD_CTX*>(digest_);
  std::array<unsigned char, 32> sum{};
  must(EVP_DigestInit_ex(digest, nullptr, nullptr));
  must(EVP_DigestUpdate(digest, kName.data(), kName.size()));
  must(EVP_DigestUpdate(digest, store.data(), store.size()));
  must(EVP_DigestFinal_ex(digest, sum.data(), nullptr));
  Chain chain;
  std::memcpy(chain.data(), sum.data(), chain.size());
  return chain;
}

Chain FrameCodec::link(const Chain& before, Sequence sequence, BytesView lane_and_lag, BytesView payload) {
  auto* digest = static_cast<EVP_MD_CTX*>(digest_);
  std::array<std::byte, sizeof(Chain) + sizeof(Sequence) + 5> head{};
  std::memcpy(head.data(), before.data(), before.size());
  std::memcpy(&head[sizeof(Chain)], &sequence, sizeof sequence);
  std::memcpy(&head[sizeof(Chain) + sizeof sequence], lane_and_lag.data(), lane_and_lag.size());
  std::array<unsigned char, 32> sum{};
  must(EVP_DigestInit_ex(digest, nullptr, nullptr));
  must(EVP_DigestUpdate(digest, head.data(), head.size()));
  must(EVP_DigestUpdate(digest, payload.data(), payload.size()));
  must(EVP_DigestFinal_ex(digest, sum.data(), nullptr));
  Chain chain;
  std::memcpy(chain.data(), sum.data(), chain.size());
  return chain;
}

Chain FrameCodec::encode(const Chain& before, Sequence sequence, std::uint8_t lane, Sequence settled, BytesView payload,
                         std::span<std::byte> into) {
  const Sequence lag = sequence - settled;
  put(into, kLaneAt, lane);
  put(into, kLagAt, lag >= kLagUnknown ? kLagUnknown : static_cast<std::uint32_t>(lag));
  const Chain chain = link(before, sequence, into.subspan(kLaneAt, 5), payload);
  std::memcpy(&into[kChainAt], chain.data(), chain.size());
  if (!payload.empty()) std::memcpy(&into[kFrameHeaderBytes], payload.data(), payload.size());
  put(into, 0, checksum(sequence, into));
  return chain;
}

void FrameCodec::encode_origin(const StoreId& store, std::span<std::byte> into) {
  const Chain chain = first_chain(store);
  put(into, kLaneAt, std::uint8_t{0});
  put(into, kLagAt, std::uint32_t{0});
  std::memcpy(&into[kChainAt], chain.data(), chain.size());
  std::memcpy(&into[kFrameHeaderBytes], store.data(), store.size());
  put(into, 0, checksum(0, into));
}

bool FrameCodec::follows(const Chain& before, Sequence sequence, BytesView bytes) {
  const Chain chain = link(before, sequence, bytes.subspan(kLaneAt, 5), bytes.subspan(kFrameHeaderBytes));
  return std::memcmp(chain.data(), &bytes[kChainAt], chain.size()) == 0;
}

}  // namespace holdfast::storage
