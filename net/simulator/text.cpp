#include "net/simulator/text.h"

#include <openssl/evp.h>

namespace holdfast::net::simulator {

void put_part(std::string& out, Base64 base64) {
  const std::size_t before = out.size();
  const std::size_t size = (base64.bytes.size() + 2) / 3 * 4;
  out.resize(before + size + 1);  // the encoder ends what it writes with a zero
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data() + before),
                  reinterpret_cast<const unsigned char*>(base64.bytes.data()), static_cast<int>(base64.bytes.size()));
  out.resize(before + size);
}

std::string_view digits_of(engine::CategoryCode category, std::span<char, 4> buffer) {
  if (category == engine::kNoCategory) return {};
  unsigned rest = category;
  for (std::size_t i = buffer.size(); i-- > 0; rest /= 10)
    buffer[i] = static_cast<char>('0' + rest % 10);
  return {buffer.data(), buffer.size()};
}

}  // namespace holdfast::net::simulator
