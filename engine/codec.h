// Little-endian bytes in and out: the primitive forms that records and rows are made of.
//
// Threads: value types.
// Forms: u8, u16, u32, u64, i64 are fixed and little-endian; `varint` is LEB128 of a zig-zag mapped signed value;
// `text8` is a u8 length and bytes, `text32` a u32 length and bytes. Errors: a writer that would pass its end, and a
// reader that would, go bad and stay so; nothing is read or written beyond. The caller looks at ok() once at the end.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace holdfast::engine {

class ByteWriter {
 public:
  explicit ByteWriter(std::span<std::byte> into) : into_(into) {}

  void u8(std::uint8_t value) { fixed(value); }
  void u16(std::uint16_t value) { fixed(value); }
  void u32(std::uint32_t value) { fixed(value); }
  void u64(std::uint64_t value) { fixed(value); }
  void i64(std::int64_t value) { fixed(static_cast<std::uint64_t>(value)); }
  void varint(std::int64_t value) {
    auto bits = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
    while (bits >= 0x80) {
      u8(static_cast<std::uint8_t>(bits | 0x80));
      bits >>= 7;
    }
    u8(static_cast<std::uint8_t>(bits));
  }
  void text8(std::string_view text) {
    if (text.size() > 0xFF) ok_ = false;
    u8(static_cast<std::uint8_t>(text.size()));
    raw(text.data(), text.size());
  }
  void text32(std::string_view text) {
    u32(static_cast<std::uint32_t>(text.size()));
    raw(text.data(), text.size());
  }
  void raw(const void* data, std::size_t size) {
    if (!ok_ || size > into_.size() - used_) {
      ok_ = false;
      return;
    }
    if (size != 0) std::memcpy(into_.data() + used_, data, size);
    used_ += size;
  }
  bool ok() const { return ok_; }
  std::size_t size() const { return used_; }
  std::span<const std::byte> written() const { return into_.first(used_); }

 private:
  template <class T>
  void fixed(T value) {
    static_assert(std::endian::native == std::endian::little, "stored numbers are little-endian");
    raw(&value, sizeof value);
  }
  std::span<std::byte> into_;
  std::size_t used_ = 0;
  bool ok_ = true;
};

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> from) : from_(from) {}

  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint16_t u16() { return fixed<std::uint16_t>(); }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }
  std::int64_t i64() { return static_cast<std::int64_t>(fixed<std::uint64_t>()); }
  std::int64_t varint() {
    std::uint64_t bits = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8();
      bits |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return static_cast<std::int64_t>((bits >> 1) ^ (~(bits & 1) + 1));
    }
    ok_ = false;
    return 0;
  }
  std::string_view text8() { return text(u8()); }
  std::string_view text32() { return text(u32()); }
  void raw(void* into, std::size_t size) {
    const std::string_view bytes = text(size);
    if (ok_ && size != 0) std::memcpy(into, bytes.data(), size);
  }
  bool ok() const { return ok_; }
  // All was read and nothing is left.
  bool finished() const { return ok_ && from_.empty(); }
  void fail() { ok_ = false; }

 private:
  template <class T>
  T fixed() {
    T value{};
    raw(&value, sizeof value);
    return value;
  }
  std::string_view text(std::size_t size) {
    if (!ok_ || size > from_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view bytes(reinterpret_cast<const char*>(from_.data()), size);
    from_ = from_.subspan(size);
    return bytes;
  }
  std::span<const std::byte> from_;
  bool ok_ = true;
};

}  // namespace holdfast::engine
