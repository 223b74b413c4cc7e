//! What makes up the rows: noise that depends on nothing but its arguments.

/// Whether noise falls on one case in so many; never where that is 0.
pub fn one_in(noise: u64, cases: u32) -> bool {
    cases > 0 && noise.is_multiple_of(u64::from(cases))
}

/// Noise that depends on nothing but its arguments (splitmix64): what makes up the rows.
pub fn noise(seed: u64, row: u32, salt: u32) -> u64 {
    let mut z = seed
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(u64::from(row) << 32 | u64::from(salt));
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
