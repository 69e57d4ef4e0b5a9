//! Commands that take what one of several keys holds, or wait for it.

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Block, Call, Reply};
use super::float;
use super::reject::Reject;

impl Call<'_> {
    /// Replies with what `take` returns for the first of several keys, or blocks. `otherwise` is
    /// the reply of a command that must not block. `timeout` is in seconds.
    pub(super) fn first_ready(
        &mut self,
        keys: &[Bytes],
        type_name: &str,
        timeout: &Bytes,
        otherwise: fn() -> Frame,
        mut take: impl FnMut(&mut Self, &Bytes) -> Result<Option<Frame>, Reject>,
    ) -> Reply {
        let mut deadline = None;
        if !self.again {
            deadline = float::deadline(timeout, self.now)?;
        }
        let only = self.ready.clone();
        for key in only.as_ref().map_or(keys, std::slice::from_ref) {
            let value = self.keyspace.get(key);
            // While blocked, the command ignores a key that now holds another type.
            if self.again && value.is_none_or(|value| value.type_name() != type_name) {
                continue;
            }
            if let Some(reply) = take(self, key)? {
                return Ok(reply);
            }
        }
        self.block = Some(Block {
            keys: keys.to_vec(),
            deadline,
            otherwise: Frame::null_array(),
            args: self.args.to_vec(),
        });
        Ok(otherwise())
    }
}
