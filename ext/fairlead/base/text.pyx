"""The part of UTF-8 validation that looks at characters beyond ASCII (Unicode 15, table 3-7)."""


cdef inline bint is_tail(uint8_t byte) noexcept nogil:
    return (byte & 0xC0) == 0x80


cdef bint utf8_valid_slow(const uint8_t* data, const uint8_t* end) noexcept nogil:
    """Whether the bytes from `data` to `end` are UTF-8. O(size)."""
    cdef uint8_t lead
    cdef size_t rest
    while data < end:
        lead = data[0]
        rest = <size_t>(end - data)
        if lead < 0x80:
            data += 1
        elif lead < 0xC2:
            # A tail byte without a lead, or the overlong forms C0 and C1.
            return False
        elif lead < 0xE0:
            if rest < 2 or not is_tail(data[1]):
                return False
            data += 2
        elif lead < 0xF0:
            if rest < 3 or not is_tail(data[1]) or not is_tail(data[2]):
                return False
            # E0 80-9F is overlong, ED A0-BF a surrogate.
            if (lead == 0xE0 and data[1] < 0xA0) or (lead == 0xED and data[1] > 0x9F):
                return False
            data += 3
        elif lead < 0xF5:
            if rest < 4 or not is_tail(data[1]) or not is_tail(data[2]) or not is_tail(data[3]):
                return False
            # F0 80-8F is overlong, F4 90-BF beyond U+10FFFF.
            if (lead == 0xF0 and data[1] < 0x90) or (lead == 0xF4 and data[1] > 0x8F):
                return False
            data += 4
        else:
            return False
    return True
