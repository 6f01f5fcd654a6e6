//! One task owns the world: a mailbox, no lock. It answers, lets time pass, saves and hands effects on, in an order
//! that a crash at any point forgives: first the snapshot, then the effects, then the answer.

use std::fs::File;
use std::io;
use std::sync::Arc;

use rehull_core::world::api::s3::{Operation, Response as S3Response};
use rehull_core::world::api::{Answer, Call, Request, Response};
use rehull_core::world::{Effect, Fact, Switch, World};
use tokio::sync::{mpsc, oneshot};

use super::blobs::{Blobs, Uploaded};
use super::clock;

/// After so many writes to S3 the contents that nobody holds any more are removed.
const WRITES_PER_SWEEP: u32 = 64;

/// Performs effects and reports facts through the mailbox it was made with. Must not block.
pub(super) trait Host: Send {
    /// Takes an effect over; the same one may come again after a restart.
    fn perform(&mut self, effect: Effect);
}

/// Keeps the world over a restart of the daemon.
pub(super) trait Keeper: Send {
    /// Returns when the world would survive the death of this process.
    fn save(&mut self, world: &World) -> io::Result<()>;
}

/// For worlds that end with their process.
pub(super) struct NotKept;

impl Keeper for NotKept {
    fn save(&mut self, _: &World) -> io::Result<()> {
        Ok(())
    }
}

/// What the task is asked.
enum Message {
    Call {
        call: Box<Call>,
        upload: Option<Uploaded>,
        reply: oneshot::Sender<io::Result<Reply>>,
    },
    Fact(Fact),
    Switch {
        switch: Box<Switch>,
        reply: oneshot::Sender<Result<(), String>>,
    },
    Look(Box<dyn FnOnce(&World) + Send>),
}

/// An answer, and the bytes that belong to it.
pub(super) struct Reply {
    pub(super) answer: Answer,
    /// Opened by the task itself, so that a later overwrite cannot take the file away.
    pub(super) content: Option<File>,
}

/// Where to ask; cheap to clone. When all are dropped, the task ends.
#[derive(Clone)]
pub(super) struct Mailbox {
    messages: mpsc::UnboundedSender<Message>,
}

/// The other end of a mailbox, not yet served.
pub(super) struct Inbox {
    messages: mpsc::UnboundedReceiver<Message>,
}

/// A mailbox whose messages wait for [`run`].
pub(super) fn mailbox() -> (Mailbox, Inbox) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Mailbox { messages: sender }, Inbox { messages: receiver })
}

impl Mailbox {
    pub(super) async fn call(&self, call: Call, upload: Option<Uploaded>) -> io::Result<Reply> {
        self.ask(|reply| Message::Call {
            call: Box::new(call),
            upload,
            reply,
        })
        .await?
    }

    /// Switches a fault.
    pub(super) async fn switch(&self, switch: Switch) -> io::Result<Result<(), String>> {
        self.ask(|reply| Message::Switch {
            switch: Box::new(switch),
            reply,
        })
        .await
    }

    /// Reads something off the world.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&World) -> T + Send + 'static,
    ) -> io::Result<T> {
        self.ask(|reply| Message::Look(Box::new(move |world| drop(reply.send(read(world))))))
            .await
    }

    /// Tells what became of an effect. After the end of the task nobody wants to know.
    pub(super) fn report(&self, fact: Fact) {
        drop(self.messages.send(Message::Fact(fact)));
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> io::Result<T> {
        let ended = || io::Error::new(io::ErrorKind::BrokenPipe, "the sandbox has ended");
        let (reply, answer) = oneshot::channel();
        self.messages.send(message(reply)).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())
    }
}

/// Everything the task owns.
pub(super) struct Daemon {
    pub(super) world: World,
    pub(super) blobs: Arc<Blobs>,
    pub(super) host: Box<dyn Host>,
    pub(super) keeper: Box<dyn Keeper>,
}

impl Daemon {
    /// Serves until the last mailbox is gone. An error means that the world could not be saved: going on would lose
    /// what callers were told.
    pub(super) async fn run(mut self, mut inbox: Inbox) -> io::Result<()> {
        let mut writes = 0;
        for effect in self.world.open_effects() {
            self.host.perform(effect);
        }
        loop {
            tokio::select! {
                message = inbox.messages.recv() => match message {
                    Some(message) => self.serve(message, &mut writes)?,
                    None => return Ok(()),
                },
                () = clock::sleep_until(self.world.next_due()) => self.pass_time()?,
            }
        }
    }

    fn serve(&mut self, message: Message, writes: &mut u32) -> io::Result<()> {
        match message {
            Message::Call { call, upload, reply } => {
                let outcome = self.answer(&call, upload, writes);
                self.pass_time()?;
                drop(reply.send(outcome));
            }
            Message::Fact(fact) => {
                self.world.report(clock::now(), fact);
                self.pass_time()?;
            }
            Message::Switch { switch, reply } => {
                let outcome = self.world.switch(clock::now(), *switch);
                self.pass_time()?;
                drop(reply.send(outcome));
            }
            Message::Look(read) => read(&self.world),
        }
        Ok(())
    }

    /// Saves before it hands effects on: an effect that nobody remembers would leave an orphaned process.
    fn pass_time(&mut self) -> io::Result<()> {
        let effects = self.world.advance(clock::now());
        self.keeper.save(&self.world)?;
        for effect in effects {
            self.host.perform(effect);
        }
        Ok(())
    }

    fn answer(&mut self, call: &Call, upload: Option<Uploaded>, writes: &mut u32) -> io::Result<Reply> {
        let answer = self.world.handle(clock::now(), call);
        let mut content = None;
        if let Ok(Response::S3(S3Response::Object(object))) = &answer.result {
            match upload {
                Some(upload) => {
                    self.blobs.keep(&upload)?;
                    *writes += 1;
                }
                None if is_get(call) => content = Some(self.blobs.open(&object.content)?),
                None => {}
            }
        }
        if *writes >= WRITES_PER_SWEEP {
            *writes = 0;
            self.blobs.sweep(&self.world.contents())?;
        }
        Ok(Reply { answer, content })
    }
}

fn is_get(call: &Call) -> bool {
    matches!(&call.request, Request::S3(asked) if matches!(asked.operation, Operation::Get(_)))
}
