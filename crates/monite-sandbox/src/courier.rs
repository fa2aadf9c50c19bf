//! Sends webhooks: takes what is due from the world, makes the requests, writes down what came of them. The rows are
//! the queue, so nothing is lost with this task, and a sandbox without subscriptions never starts it.

mod post;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::post::Post;
use crate::app::App;
use crate::rules::webhook::WebhookUrls;
use crate::world::hooks::{Attempt, Errand};
use crate::world::stamp::Stamp;

/// How webhooks are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CourierSettings {
    pub(crate) urls: WebhookUrls,
    /// Shortens (below 1) the waits between attempts.
    pub(crate) retry_scale: f64,
    /// How long a receiver may take to answer.
    pub(crate) timeout: Duration,
    pub(crate) sending: Sending,
}

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    ByItself,
    /// Whoever holds the sandbox's handle.
    ByHand,
}

impl Default for CourierSettings {
    fn default() -> Self {
        // Monite documents neither; ten seconds is what comparable services give a receiver.
        Self {
            urls: WebhookUrls::default(),
            retry_scale: 1.0,
            timeout: Duration::from_secs(10),
            sending: Sending::ByItself,
        }
    }
}

/// The longest nap while an attempt is ahead. A base clock that a test moves tells nobody, so it is looked at again.
const NAP: Duration = Duration::from_secs(1);

/// What the sending task shares with the rest of the sandbox.
pub(crate) struct Courier {
    pub(crate) settings: CourierSettings,
    stop: CancellationToken,
    /// The app this belongs to; the task keeps it alive only while it runs.
    app: Weak<App>,
    task: Mutex<Option<JoinHandle<()>>>,
    wake: Notify,
    /// Told whenever a request has ended and been written down.
    progress: Notify,
    /// Subscriptions with a request on the way.
    busy: Mutex<HashSet<Uuid>>,
    post: OnceLock<Post>,
}

impl Courier {
    pub(crate) fn new(settings: CourierSettings, app: Weak<App>, stop: CancellationToken) -> Self {
        Self {
            settings,
            stop,
            app,
            task: Mutex::default(),
            wake: Notify::new(),
            progress: Notify::new(),
            busy: Mutex::default(),
            post: OnceLock::new(),
        }
    }

    /// One that never sends anything.
    pub(crate) fn idle() -> Self {
        Self::new(CourierSettings::default(), Weak::new(), CancellationToken::new())
    }

    /// There may be something to send. Starts the task when this is the first time; outside of a runtime, where it
    /// cannot be started, the next call from inside does it.
    pub(crate) fn wake(&self) {
        if self.settings.sending == Sending::ByHand {
            return;
        }
        self.wake.notify_one();
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.is_none()
            && !self.stop.is_cancelled()
            && let (Some(app), Ok(runtime)) = (self.app.upgrade(), Handle::try_current())
        {
            *task = Some(runtime.spawn(run(app)));
        }
    }

    /// Waits until nothing is due and no request is on the way; `false` when it is not this task that sends.
    pub(crate) async fn settle(&self, app: &App) -> bool {
        loop {
            let progress = self.progress.notified();
            tokio::pin!(progress);
            // From here on no progress is missed.
            progress.as_mut().enable();
            if self.is_idle(app) {
                return true;
            }
            if self.settings.sending == Sending::ByHand {
                return false;
            }
            self.wake();
            progress.await;
        }
    }

    fn is_idle(&self, app: &App) -> bool {
        // Errands are picked under the same lock, so none is between the rows and the busy set.
        let world = app.world();
        let busy = self.busy();
        busy.is_empty() && world.next_due(&busy).is_none_or(|due| due > Stamp::from(app.now()))
    }

    /// Ends the task; requests on the way are dropped and tried again by the next sandbox on the same data.
    pub(crate) async fn shut_down(&self) {
        self.stop.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // A task that panicked has ended as well.
            let _ = task.await;
        }
    }

    fn busy(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pick(&self, app: &App) -> Vec<Errand> {
        let world = app.world();
        let mut busy = self.busy();
        let errands = world.due_errands(&busy, Stamp::from(app.now()));
        busy.extend(errands.iter().map(|errand| errand.subscription));
        errands
    }

    /// How long to rest; `None` when only a wake can bring work.
    fn rest(&self, app: &App) -> Option<Duration> {
        let due = app.world().next_due(&self.busy())?;
        let micros = due.micros().saturating_sub(Stamp::from(app.now()).micros());
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or_default()).min(NAP))
    }
}

async fn run(app: Arc<App>) {
    let courier = &app.courier;
    // Ends with this function, and every request in it.
    let mut under_way = JoinSet::new();
    loop {
        for errand in courier.pick(&app) {
            under_way.spawn(deliver(app.clone(), errand));
        }
        let rest = courier.rest(&app);
        tokio::select! {
            () = courier.stop.cancelled() => return,
            () = courier.wake.notified() => {}
            Some(_) = under_way.join_next() => {}
            () = tokio::time::sleep(rest.unwrap_or(NAP)), if rest.is_some() => {}
        }
    }
}

/// Makes one request and writes down what came of it.
async fn deliver(app: Arc<App>, errand: Errand) {
    let _busy = Busy { app: &app, subscription: errand.subscription };
    // An event goes out only once what it tells of is on disk.
    let is_written = app.is_written().await;
    // Made at the last moment: the subscription may have been disabled, or have a new secret or address, meanwhile.
    let Some((letter, epoch)) = app.letter(errand.delivery) else {
        app.give_up(errand.delivery);
        return;
    };
    let attempt = async {
        if !is_written {
            return Attempt::Failed { why: "the data file could not be written".to_owned() };
        }
        let post = app.courier.post.get_or_init(|| Post::new(app.courier.settings.timeout, app.courier.settings.urls));
        post.send(&letter).await
    };
    tokio::select! {
        attempt = attempt => app.attempted(&letter, attempt, epoch),
        // What was asked on behalf of a world that is gone is of no interest any more.
        () = app.outlive(epoch) => {}
    }
}

/// Frees the subscription however the request ends.
struct Busy<'a> {
    app: &'a App,
    subscription: Uuid,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.app.courier.busy().remove(&self.subscription);
        self.app.courier.progress.notify_waiters();
    }
}
