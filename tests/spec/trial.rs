//! One test in one mode: what is before it, its operations, and what must be after it.

/// Writes [`run`] over one of the two builds of the operations.
macro_rules! trial {
    ($drive:path) => {
        use std::{rc::Rc, sync::Arc};

        use $crate::{
            file::{Test, TestFile},
            host::Host,
            ledger::Ledger,
            verdict::{Run, Stop},
        };
        use $drive as drive;

        /// Runs a test; what it called is in the ledger.
        pub(crate) async fn run(
            host: &Rc<Host>,
            maker: drive::Maker,
            file: &TestFile,
            test: &Test,
            ledger: &Arc<Ledger>,
        ) -> Run<()> {
            host.fail_points_off().await?;
            host.kill_sessions().await;
            host.prepare(&file.initial_data).await?;
            let world = drive::World::new(maker, Rc::clone(host), Arc::clone(ledger));
            let result = body(&world, host, file, test).await;
            world.end().await;
            host.fail_points_off().await?;
            result
        }

        async fn body(
            world: &Rc<drive::World>,
            host: &Host,
            file: &TestFile,
            test: &Test,
        ) -> Run<()> {
            world.create(&file.create_entities).await?;
            for (index, operation) in test.operations.iter().enumerate() {
                world.run(operation, None).await.map_err(|stop| match stop {
                    Stop::Fail(why) => Stop::Fail(format!("operation {index}: {why}")),
                    skip => skip,
                })?;
            }
            world.store_events();
            for expected in &test.expect_events {
                let observer = world.observer(&expected.client)?;
                observer.check(expected, &**world).await.map_err(|why| {
                    Stop::Fail(format!("expectEvents of {}: {why}", expected.client))
                })?;
            }
            for data in &test.outcome {
                host.check_outcome(data, &**world).await?;
            }
            Ok(())
        }
    };
}

pub(crate) use trial;
