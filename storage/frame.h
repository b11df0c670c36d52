// The byte form of one journal value: a record with its checksum and its link to the record before it.
//
// Threads: pure functions; a FrameCodec keeps a digest context and belongs to one thread.
// Invariants: a frame that differs from what was encoded in any bit, or stands under another sequence, does not decode.
// The links form a chain from the store's id to the last record, so that a changed, removed or reordered record shows
// even when its own checksum was made anew.
// Errors: decode gives nullopt; encode needs a buffer of frame_bytes() and cannot fail.
//
// Grammar (little-endian):
//   frame   := checksum:u32 lane:u8 settled_lag:u32 chain:16 payload
//   checksum:= CRC-32C of (sequence:u64 lane settled_lag chain payload)
//   chain   := the first 16 bytes of SHA-256(chain of sequence - 1, sequence:u64, lane, settled_lag, payload)
//   settled_lag := sequence - settled, where every record up to `settled` had been answered or compensated when this
//                  one was committed; 0xFFFFFFFF stands for that distance or any above: nothing is known to be settled
// The chain of sequence 0 is the first 16 bytes of SHA-256("holdfast journal", store id). Sequence 0 is no record but
// the origin: a frame with that chain, whose payload is the store id.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "engine/journal.h"
#include "engine/rows.h"

namespace holdfast::storage {

using engine::BytesView;
using engine::Sequence;
using Chain = std::array<std::byte, 16>;
using StoreId = std::array<std::byte, 16>;

inline constexpr std::size_t kFrameHeaderBytes = 4 + 1 + 4 + 16;
inline constexpr std::size_t kFrameBytesMax = kFrameHeaderBytes + engine::kRecordBytesMax;

struct Frame {
  std::uint8_t lane = 0;
  Sequence settled = 0;  // 0 when nothing is known to be settled
  Chain chain{};
  BytesView payload;  // views the decoded bytes
};

// CRC-32C (Castagnoli) of the bytes, going on from `crc` (0 at the start). By the processor's instruction where it has
// one; crc32c_table() is the same without it, for tests and other processors.
std::uint32_t crc32c(std::uint32_t crc, BytesView bytes);
std::uint32_t crc32c_table(std::uint32_t crc, BytesView bytes);

constexpr std::size_t frame_bytes(std::size_t payload_bytes) {
  return kFrameHeaderBytes + payload_bytes;
}

// Checks everything but the chain.
std::optional<Frame> decode_frame(Sequence sequence, BytesView bytes);

class FrameCodec {
 public:
  FrameCodec();
  ~FrameCodec();
  FrameCodec(const FrameCodec&) = delete;
  FrameCodec& operator=(const FrameCodec&) = delete;

  // The chain of sequence 0.
  Chain first_chain(const StoreId& store);
  // Writes frame_bytes(payload.size()) bytes to `into` and gives the new record's chain. `settled` < `sequence`.
  Chain encode(const Chain& before, Sequence sequence, std::uint8_t lane, Sequence settled, BytesView payload,
               std::span<std::byte> into);
  // Writes the frame of sequence 0: frame_bytes(sizeof(StoreId)) bytes.
  void encode_origin(const StoreId& store, std::span<std::byte> into);
  // True when the decoded frame follows a record whose chain is `before`.
  bool follows(const Chain& before, Sequence sequence, BytesView bytes);

 private:
  Chain link(const Chain& before, Sequence sequence, BytesView lane_and_lag, BytesView payload);
  void* digest_;  // EVP_MD_CTX
};

}  // namespace holdfast::storage
