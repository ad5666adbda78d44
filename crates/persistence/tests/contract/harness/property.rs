//! Property tests with random values, on one database that is emptied before each case.

use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestRunner},
};

use super::Opened;

/// Checks a property with this many values. Reports the simplest value that violates it.
pub fn holds<S: Strategy>(cases: u32, values: &S, property: impl AsyncFn(&Opened, S::Value)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let opened = runtime.block_on(Opened::migrated());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    let outcome = TestRunner::new(config).run(values, |value| {
        runtime.block_on(async {
            opened.clear().await;
            property(&opened, value).await;
        });
        Ok(())
    });
    let _inside = runtime.enter(); // where connections are closed
    drop(opened);
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
