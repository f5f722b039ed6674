"""Wrong classes with two modes, each from the thread or notebook named above it."""

import numpy as np

from bnteach.exercises.mutant_register import mutant


class _Layer:
    def __init__(self, channels, momentum=0.99, epsilon=1e-3):
        self.momentum, self.epsilon = momentum, epsilon
        self.moving_mean, self.moving_variance = np.zeros(channels), np.ones(channels)

    def normalized(self, x, mean, variance):
        return self.gamma * (x - mean) / np.sqrt(variance + self.epsilon) + self.beta

    def moved(self, old, new):
        return old * self.momentum + new * (1 - self.momentum)

    def update(self, x):
        self.moving_mean = self.moved(self.moving_mean, x.mean(0))
        self.moving_variance = self.moved(self.moving_variance, x.var(0))

    def __call__(self, x, training):
        if not training:
            return self.normalized(x, self.moving_mean, self.moving_variance)
        self.update(x)
        return self.normalized(x, x.mean(0), x.var(0))


# tensorflow/tensorflow#32864, #11965: the call that trains does not say so.
@mutant("batch-norm-class", "never-updated")
class NeverUpdates(_Layer):
    def update(self, x):
        pass


# udacity/deep-learning#130, carpedm20/DCGAN-tensorflow#289: `training` always True.
@mutant("batch-norm-class", "updated-in-inference")
class UpdatesInInference(_Layer):
    def __call__(self, x, training):
        if training:
            return super().__call__(x, True)
        y = super().__call__(x, False)
        self.update(x)
        return y


# Source notebook 004: "computed using moving averages during the training step".
@mutant("batch-norm-class", "moving-in-training")
class UsesMovingStatisticsInTraining(_Layer):
    def __call__(self, x, training):
        y = super().__call__(x, False)
        if training:
            self.update(x)
        return y


# keras-team/keras#13762: inference with the statistics of the batch.
@mutant("batch-norm-class", "batch-statistics")
class UsesTheBatchInInference(_Layer):
    def __call__(self, x, training):
        return (
            self.normalized(x, x.mean(0), x.var(0))
            if not training
            else (super().__call__(x, True))
        )


# keras-team/keras#10443, pytorch/pytorch#77427: which variance is kept?
@mutant("batch-norm-class", "unbiased-moving-variance")
class KeepsTheCorrectedVariance(_Layer):
    def update(self, x):
        self.moving_mean = self.moved(self.moving_mean, x.mean(0))
        self.moving_variance = self.moved(self.moving_variance, x.var(0, ddof=1))


# d2l-ai/d2l-en#2213, eriklindernoren/PyTorch-YOLOv3#230.
@mutant("batch-norm-class", "swapped-momentum")
class SwapsTheMomentum(_Layer):
    def moved(self, old, new):
        return old * (1 - self.momentum) + new * self.momentum


# wkcn/mobula#2: a layer without a moving average.
@mutant("batch-norm-class", "forgets")
class KeepsTheLastBatch(_Layer):
    def moved(self, old, new):
        return new
