// SPDX-License-Identifier: GPL-2.0

//! The protocol of Binder and its users, as far as these tests need it: numbers of commands
//! and messages, each followed by as many bytes as the number says.

/// `BC_TRANSACTION` and `BC_REPLY`, with a [`Transaction`].
pub const TRANSACTION: u32 = to_driver(0, 64);
pub const REPLY: u32 = to_driver(1, 64);
/// `BC_FREE_BUFFER`, with the address of data that arrived.
pub const FREE_BUFFER: u32 = to_driver(3, 8);
/// `BC_ENTER_LOOPER`: this thread takes messages.
pub const ENTER_LOOPER: u32 = (b'c' as u32) << 8 | 12;

/// `BR_TRANSACTION` and `BR_REPLY`, with a [`Transaction`].
pub const GOT_TRANSACTION: u32 = from_driver(2, 64);
pub const GOT_REPLY: u32 = from_driver(3, 64);
/// `BR_DEAD_REPLY`: nobody is there to answer.
pub const GOT_DEAD_REPLY: u32 = (b'r' as u32) << 8 | 5;
/// `BR_FAILED_REPLY`: it could not be delivered.
pub const GOT_FAILED_REPLY: u32 = (b'r' as u32) << 8 | 17;

const fn to_driver(number: u32, size: u32) -> u32 {
    1 << 30 | size << 16 | (b'c' as u32) << 8 | number
}

const fn from_driver(number: u32, size: u32) -> u32 {
    2 << 30 | size << 16 | (b'r' as u32) << 8 | number
}

/// A message of the driver's.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    pub kind: u32,
    pub body: Vec<u8>,
}

/// Where the data of a transaction is, and how much: `struct binder_transaction_data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub address: usize,
    pub len: usize,
}

impl Transaction {
    const LEN: usize = 32;
    const ADDRESS: usize = 48;

    /// The command that sends it, to handle 0 if it is no reply.
    pub fn command(self, kind: u32) -> Vec<u8> {
        let mut body = [0; 64];
        let mut put = |at: usize, value: usize| {
            body[at..at + 8].copy_from_slice(&value.to_ne_bytes());
        };
        put(Self::LEN, self.len);
        put(Self::ADDRESS, self.address);
        command(kind, &body)
    }

    /// Reads it out of a message, if there is one in it.
    pub fn of(message: &Message) -> Option<Self> {
        let word = |at: usize| {
            let bytes = message.body.get(at..at + 8)?;
            Some(usize::from_ne_bytes(bytes.try_into().ok()?))
        };
        Some(Self {
            address: word(Self::ADDRESS)?,
            len: word(Self::LEN)?,
        })
    }
}

/// A command with what belongs to it.
pub fn command(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_ne_bytes().to_vec();
    bytes.extend(body);
    bytes
}

/// Cuts what the driver wrote into messages.
pub fn messages(mut bytes: &[u8]) -> Option<Vec<Message>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (kind, rest) = bytes.split_first_chunk::<4>()?;
        let kind = u32::from_ne_bytes(*kind);
        let (body, rest) = rest.split_at_checked((kind >> 16 & 0x3fff) as usize)?;
        all.push(Message {
            kind,
            body: body.to_vec(),
        });
        bytes = rest;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_header() {
        assert_eq!(TRANSACTION, 0x4040_6300);
        assert_eq!(GOT_REPLY, 0x8040_7203);
    }

    #[test]
    fn reads_its_own_messages() {
        let sent = Transaction {
            address: 0x1234_5000,
            len: 9000,
        };
        let mut bytes = command(ENTER_LOOPER, &[]);
        bytes.extend(sent.command(REPLY));
        let all = messages(&bytes).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].kind, ENTER_LOOPER);
        assert_eq!(Transaction::of(&all[0]), None);
        assert_eq!(Transaction::of(&all[1]), Some(sent));
        assert_eq!(messages(&bytes[..bytes.len() - 1]), None);
    }
}
