"""Tags of fields: number << 3 | wire type. Which field of its message a number is, the code that uses the tag says."""

cdef enum:
    # Varints.
    VARINT_1 = 8
    VARINT_2 = 16
    VARINT_3 = 24
    VARINT_4 = 32
    VARINT_5 = 40
    VARINT_6 = 48
    VARINT_7 = 56
    VARINT_8 = 64
    VARINT_9 = 72
    VARINT_10 = 80
    VARINT_11 = 88
    VARINT_12 = 96
    VARINT_13 = 104
    VARINT_14 = 112
    VARINT_15 = 120
    VARINT_16 = 128
    VARINT_17 = 136
    VARINT_18 = 144
    VARINT_19 = 152
    # Length and bytes.
    BYTES_1 = 10
    BYTES_2 = 18
    BYTES_3 = 26
    BYTES_4 = 34
    BYTES_5 = 42
    BYTES_6 = 50
    BYTES_7 = 58
    BYTES_8 = 66
    BYTES_9 = 74
    BYTES_10 = 82
    BYTES_11 = 90
    BYTES_12 = 98
    BYTES_13 = 106
    BYTES_14 = 114
    BYTES_15 = 122
    BYTES_16 = 130
    BYTES_17 = 138
    BYTES_18 = 146
    BYTES_19 = 154
    BYTES_20 = 162
    BYTES_21 = 170
    BYTES_22 = 178
