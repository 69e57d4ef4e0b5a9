//! Checks of bitmaps and HyperLogLogs.

use swarm_keydb::{BitField, BitGets, BitOffset, BitOp, BitOverflow, BitType, BitUnit, prelude::*};

use super::{holds, refused, same};

family! {
    ["setbit", "getbit", "bitcount", "bitcount_range", "bitpos", "bitpos_range"] |c, keys| {
        let (k, missing) = (&keys.key("k"), &keys.key("missing"));
        same("SETBIT", c.setbit(k, 7, true).await?, false)?;
        same("SETBIT again", c.setbit(k, 7, true).await?, true)?;
        same("SETBIT to clear", c.setbit(k, 7, false).await?, true)?;
        // Text, so that every transport can carry it.
        c.set(k, "\0\x7f\x70").await?;
        same("GETBIT", c.getbit(k, 9).await?, true)?;
        same("GETBIT behind the end", c.getbit(k, 1000).await?, false)?;
        same("BITCOUNT", c.bitcount(k).await?, 10)?;
        same("BITCOUNT of a missing key", c.bitcount(missing).await?, 0)?;
        same("BITCOUNT of bytes", c.bitcount_range(k, -1.., BitUnit::Bytes).await?, 3)?;
        same("BITCOUNT of nothing", c.bitcount_range(k, 0..0, BitUnit::Bytes).await?, 0)?;
        same("BITCOUNT of bits", c.bitcount_range(k, 8..11, BitUnit::Bits).await?, 2)?;
        same("BITPOS", c.bitpos(k, true).await?, Some(9))?;
        same("BITPOS of a missing key", c.bitpos(missing, true).await?, None)?;
        same("BITPOS of bytes", c.bitpos_range(k, false, 2.., BitUnit::Bytes).await?, Some(16))?;
        same("BITPOS of bits", c.bitpos_range(k, true, 0..8, BitUnit::Bits).await?, None)?;
        let ones = &keys.key("ones");
        for bit in 0..8 {
            c.setbit(ones, bit, true).await?;
        }
        same("behind the value", c.bitpos(ones, false).await?, Some(8))?;
        same("within the value", c.bitpos_range(ones, false, .., BitUnit::Bytes).await?, None)?;
    }
    ["bitop"] |c, keys| {
        let (a, b, to) = (&keys.key("a"), &keys.key("b"), &keys.key("to"));
        c.mset([(a, "abc"), (b, "ab")]).await?;
        same("BITOP AND", c.bitop(BitOp::And, to, [a, b]).await?, 3)?;
        same("its value", c.get_as::<Vec<u8>>(to).await?, Some(b"ab\0".to_vec()))?;
        same("BITOP XOR", c.bitop(BitOp::Xor, to, [a, b]).await?, 3)?;
        same("its value", c.get_as::<Vec<u8>>(to).await?, Some(b"\0\0c".to_vec()))?;
        same("BITOP OR", c.bitop(BitOp::Or, to, [a, b]).await?, 3)?;
        same("BITOP NOT", c.bitop(BitOp::Not, to, b).await?, 2)?;
        refused("BITOP NOT of two", c.bitop(BitOp::Not, to, [a, b]).await, "ERR")?;
    }
    ["bitfield", "bitfield_ro"] |c, keys| {
        let k = &keys.key("k");
        let (small, wide) = (BitType::unsigned(8), BitType::signed(64));
        let fields = BitField::new()
            .set(small, BitOffset::Nth(1), 250)
            .incrby(small, BitOffset::Nth(1), 10)
            .overflow(BitOverflow::Saturate)
            .incrby(small, BitOffset::Bit(8), 255)
            .overflow(BitOverflow::Fail)
            .incrby(small, BitOffset::Bit(8), 1)
            .get(small, BitOffset::Bit(8))
            .set(wide, BitOffset::Nth(1), i64::MIN);
        let found = c.bitfield(k, fields).await?;
        same("BITFIELD", found, [Some(0), Some(4), Some(255), None, Some(255), Some(0)])?;
        let gets = BitGets::new().get(small, BitOffset::Nth(1)).get(wide, BitOffset::Nth(1));
        same("BITFIELD_RO", c.bitfield_ro(k, gets).await?, [255, i64::MIN])?;
    }
    ["pfadd", "pfcount", "pfmerge"] |c, keys| {
        let (a, b, to) = (&keys.key("a"), &keys.key("b"), &keys.key("to"));
        same("PFADD", c.pfadd(a, ["x", "y", "x"]).await?, true)?;
        same("PFADD again", c.pfadd(a, "x").await?, false)?;
        same("PFADD of nothing", c.pfadd(b, ()).await?, true)?;
        c.pfadd(b, ["y", "z"]).await?;
        same("PFCOUNT", c.pfcount(a).await?, 2)?;
        same("PFCOUNT of several", c.pfcount([a, b]).await?, 3)?;
        c.pfmerge(to, [a, b]).await?;
        same("PFMERGE", c.pfcount(to).await?, 3)?;
        holds("a missing key", c.pfcount(keys.key("missing")).await? == 0, "not 0")?;
    }
}
